"""tinygrad's WebGPU backend (Dawn, from the package dawn-python), jitted: `tinygrad_engine.py`."""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import os
import platform
from pathlib import Path
from typing import Any

os.environ["DEV"] = "WEBGPU"


def dawn_library() -> Path:
    """Where dawn-python keeps Dawn for this machine."""
    package = importlib.util.find_spec("pydawn")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("tinygrad's WebGPU backend needs dawn-python")
    names = {
        "Linux": f"libwebgpu_dawn_{platform.machine()}.so",
        "Darwin": f"libwebgpu_dawn_{platform.machine()}.dylib",
        "Windows": "libwebgpu_dawn.dll",
    }
    return Path(package.origin).parent / "lib" / names[platform.system()]


from protocol import CROSS_ENTROPY, FUSED, LOG_SUM_EXP, Answer, Engine, Hello, Problem, serve  # noqa: E402


class TinygradEngine(Engine):
    """A TinyJit an operation; its first two calls compile."""

    def __init__(self) -> None:
        os.environ.setdefault("WEBGPU_PATH", str(dawn_library()))
        import tinygrad

        self.tinygrad = tinygrad
        self.device = tinygrad.Device["WEBGPU"]
        self.operations: dict[str, Any] = {}

    def hello(self) -> Hello:
        version = importlib.metadata.version("tinygrad")
        return Hello(version, f"{self.adapter()}, Dawn", None, ["f32"])

    def adapter(self) -> str:
        """The name of what Dawn has chosen."""
        from tinygrad.runtime.autogen import webgpu

        info = webgpu.WGPUAdapterInfo()
        webgpu.wgpuDeviceGetAdapterInfo(self.device.device_res, info)
        return ctypes.string_at(info.device.data, info.device.length).decode(errors="replace")

    def load(self, problem: Problem) -> None:
        self.logits = self.targets = None  # room for the next
        self.operations = self.jitted()
        tensor = self.tinygrad.Tensor
        self.logits = tensor(problem.logits, device="WEBGPU").realize()
        self.targets = tensor(problem.targets, device="WEBGPU").realize()

    def jitted(self) -> dict[str, Any]:
        """Compiled code is for one shape."""
        tinygrad = self.tinygrad

        def fused(logits: Any, targets: Any) -> Any:
            loss = logits.sparse_categorical_crossentropy(targets)
            (gradient,) = loss.gradient(logits)
            tinygrad.Tensor.realize(loss, gradient)
            return loss, gradient

        return {
            LOG_SUM_EXP: tinygrad.TinyJit(lambda x, t: x.logsumexp(axis=1).realize()),
            CROSS_ENTROPY: tinygrad.TinyJit(
                lambda x, t: x.sparse_categorical_crossentropy(t).realize()
            ),
            FUSED: tinygrad.TinyJit(fused),
        }

    def prepare(self, operation: str) -> None:
        for _ in range(2):  # run, then record
            self.wait(self.compute(operation))

    def compute(self, operation: str) -> Any:
        return self.operations[operation](self.logits, self.targets)

    def wait(self, result: Any) -> None:
        self.device.synchronize()

    def answer(self, operation: str, result: Any) -> Answer:
        if operation == LOG_SUM_EXP:
            return Answer(values=result.numpy())
        if operation == CROSS_ENTROPY:
            return Answer(float(result.item()))
        loss, gradient = result
        return Answer(float(loss.item()), gradient.numpy())


if __name__ == "__main__":
    serve(TinygradEngine)
