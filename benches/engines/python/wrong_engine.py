"""An engine that is wrong on purpose, for `run.py --self-test`: one value of many is off."""

from __future__ import annotations

from numpy_engine import NumpyEngine, Result

from protocol import serve


class WrongEngine(NumpyEngine):
    """NumPy's answers, but the last value; where there are none, the loss."""

    def compute(self, operation: str) -> Result:
        loss, values = super().compute(operation)
        if values is None:
            return loss * 1.01, None
        values.reshape(-1)[-1] += 0.01
        return loss, values


if __name__ == "__main__":
    serve(WrongEngine)
