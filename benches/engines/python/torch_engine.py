"""PyTorch: `torch_engine.py cpu|cuda eager|compile|liger`.

`liger` is Liger-Kernel's Triton cross-entropy, on CUDA alone. CUDA is timed by CUDA events, the CPU
by the wall clock.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
from typing import Any, Callable, Optional

import numpy as np
import torch
import torch.nn.functional as functional

from protocol import CROSS_ENTROPY, FUSED, LOG_SUM_EXP, Answer, Engine, Hello, Problem, serve

ELEMENTS = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
Result = tuple[Optional[torch.Tensor], Optional[torch.Tensor]]
Operations = dict[str, Callable[[torch.Tensor, torch.Tensor], Result]]


def log_sum_exp(logits: torch.Tensor, targets: torch.Tensor) -> Result:
    """`torch.logsumexp`."""
    return None, torch.logsumexp(logits, dim=1)


def cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> Result:
    """The mean."""
    return functional.cross_entropy(logits, targets), None


def fused_by_autograd(logits: torch.Tensor, targets: torch.Tensor) -> Result:
    """What a training step does."""
    leaf = logits.detach().requires_grad_()
    loss = functional.cross_entropy(leaf, targets)
    (gradient,) = torch.autograd.grad(loss, leaf)
    return loss.detach(), gradient


def fused_in_one_graph(logits: torch.Tensor, targets: torch.Tensor) -> Result:
    """Loss and gradient in one graph, which gives the compiler most to fuse."""
    gradient, loss = torch.func.grad_and_value(functional.cross_entropy)(logits, targets)
    return loss, gradient


def eager() -> Operations:
    """Op by op."""
    return {LOG_SUM_EXP: log_sum_exp, CROSS_ENTROPY: cross_entropy, FUSED: fused_by_autograd}


def compiled() -> Operations:
    """`torch.compile`, for the shapes at hand."""
    whole = {LOG_SUM_EXP: log_sum_exp, CROSS_ENTROPY: cross_entropy, FUSED: fused_in_one_graph}
    return {
        name: torch.compile(function, fullgraph=True, dynamic=False)
        for name, function in whole.items()
    }


def liger() -> Operations:
    """Liger-Kernel's function, which leaves the gradient in the logits' place."""
    from liger_kernel.ops import LigerCrossEntropyFunction

    def forward(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        # It may return more than the loss: which values depends on its version.
        output = LigerCrossEntropyFunction.apply(logits, targets, None)
        return output[0] if isinstance(output, tuple) else output

    def loss_alone(logits: torch.Tensor, targets: torch.Tensor) -> Result:
        with torch.no_grad():
            return forward(logits, targets), None

    def fused(logits: torch.Tensor, targets: torch.Tensor) -> Result:
        leaf = logits.detach().requires_grad_()
        loss = forward(leaf, targets)
        (gradient,) = torch.autograd.grad(loss, leaf)
        return loss.detach(), gradient

    return {CROSS_ENTROPY: loss_alone, FUSED: fused}


class TorchEngine(Engine):
    """One device, one way of running."""

    def __init__(self, device: str, way: str) -> None:
        if device == "cuda" and not torch.cuda.is_available():
            raise RuntimeError(f"torch {torch.__version__} finds no CUDA device")
        if way == "liger" and device != "cuda":
            raise RuntimeError("Liger-Kernel's kernels need CUDA")
        if device == "cpu":
            torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
        self.device, self.way = torch.device(device), way
        self.operations: Operations = {}
        self.is_overwritten = way == "liger"
        self.logits = self.targets = self.original = torch.empty(0)
        self.start_operations()

    def start_operations(self) -> None:
        """Compiled code is for one shape: a new one starts afresh."""
        torch._dynamo.reset()
        ways = {"eager": eager, "compile": compiled, "liger": liger}
        self.operations = ways[self.way]()

    def hello(self) -> Hello:
        version = torch.__version__
        if self.way == "liger":
            version = f"{importlib.metadata.version('liger-kernel')} on torch {version}"
        if self.device.type == "cuda":
            return Hello(version, torch.cuda.get_device_name(), None, list(ELEMENTS))
        device = f"CPU, {torch.backends.cpu.get_cpu_capability()}"
        return Hello(version, device, torch.get_num_threads(), list(ELEMENTS))

    def load(self, problem: Problem) -> None:
        self.logits = self.targets = self.original = torch.empty(0)  # room for the next
        self.start_operations()
        logits = torch.from_numpy(problem.logits).to(ELEMENTS[problem.element])
        self.logits = logits.to(self.device)
        self.targets = torch.from_numpy(problem.targets.astype(np.int64)).to(self.device)
        self.original = logits

    def prepare(self, operation: str) -> None:
        if self.is_overwritten:
            self.logits.copy_(self.original)

    def compute(self, operation: str) -> Result:
        if operation not in self.operations:
            raise NotImplementedError(f"{self.way} has no {operation}")
        return self.operations[operation](self.logits, self.targets)

    def wait(self, result: Any) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def answer(self, operation: str, result: Result) -> Answer:
        loss, values = result
        return Answer(
            None if loss is None else float(loss),
            None if values is None else values.detach().float().cpu().numpy(),
        )

    def milliseconds(self, operation: str, repetitions: int) -> float:
        if self.device.type != "cuda":
            return super().milliseconds(operation, repetitions)
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(repetitions):
            self.compute(operation)
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) / repetitions


if __name__ == "__main__":
    serve(lambda: TorchEngine(sys.argv[1], sys.argv[2]))
