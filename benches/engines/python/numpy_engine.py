"""NumPy, and SciPy's own functions: `numpy_engine.py numpy` or `scipy`. One thread."""

from __future__ import annotations

import sys

import numpy as np

from protocol import CROSS_ENTROPY, LOG_SUM_EXP, Answer, Engine, Hello, Problem, serve

Result = tuple  # (loss or None, values or None)


class NumpyEngine(Engine):
    """The textbook formulas, with as few temporaries as NumPy allows."""

    def __init__(self) -> None:
        self.logits = np.empty((0, 0), np.float32)
        self.targets = np.empty(0, np.intp)

    def hello(self) -> Hello:
        return Hello(np.__version__, "CPU", 1, ["f32"])

    def load(self, problem: Problem) -> None:
        self.logits, self.targets = problem.logits, problem.targets.astype(np.intp)

    def compute(self, operation: str) -> Result:
        maximum = self.logits.max(axis=1, keepdims=True)
        exponentials = self.logits - maximum
        np.exp(exponentials, out=exponentials)
        total = exponentials.sum(axis=1, keepdims=True)
        log_sum_exp = (maximum + np.log(total))[:, 0]
        if operation == LOG_SUM_EXP:
            return None, log_sum_exp
        rows = np.arange(self.targets.size)
        loss = (log_sum_exp - self.logits[rows, self.targets]).mean(dtype=np.float64)
        if operation == CROSS_ENTROPY:
            return loss, None
        exponentials *= 1 / (total * np.float32(rows.size))
        exponentials[rows, self.targets] -= np.float32(1 / rows.size)
        return loss, exponentials

    def answer(self, operation: str, result: Result) -> Answer:
        loss, values = result
        return Answer(None if loss is None else float(loss), values)


class ScipyEngine(NumpyEngine):
    """`scipy.special`: logsumexp, log_softmax and softmax."""

    def __init__(self) -> None:
        super().__init__()
        import scipy
        import scipy.special

        self.version, self.special = scipy.__version__, scipy.special

    def hello(self) -> Hello:
        return Hello(self.version, "CPU", 1, ["f32"])

    def compute(self, operation: str) -> Result:
        if operation == LOG_SUM_EXP:
            return None, self.special.logsumexp(self.logits, axis=1)
        rows = np.arange(self.targets.size)
        logarithms = self.special.log_softmax(self.logits, axis=1)
        loss = -logarithms[rows, self.targets].mean(dtype=np.float64)
        if operation == CROSS_ENTROPY:
            return loss, None
        gradient = np.exp(logarithms, out=logarithms)
        gradient[rows, self.targets] -= 1
        gradient /= np.float32(rows.size)
        return loss, gradient


if __name__ == "__main__":
    serve({"numpy": NumpyEngine, "scipy": ScipyEngine}[sys.argv[1]])
