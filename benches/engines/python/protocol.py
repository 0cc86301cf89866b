"""The engines' side of the line protocol, for the engines that are written in Python.

`protocol/src/lib.rs` is the same for Rust; README.md describes it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import numpy as np

LOG_SUM_EXP = "log-sum-exp"
CROSS_ENTROPY = "cross-entropy"
FUSED = "fused"


@dataclass
class Problem:
    """Logits (rows, classes), float32 that `element` represents exactly, and int32 targets."""

    element: str
    logits: np.ndarray
    targets: np.ndarray


@dataclass
class Hello:
    """What an engine says of itself."""

    version: str
    device: str
    threads: int | None
    elements: list[str]


@dataclass
class Answer:
    """The mean loss, and the log-sum-exp of each row or the gradient."""

    loss: float | None = None
    values: np.ndarray | None = None


class Engine(ABC):
    """A library behind the protocol."""

    @abstractmethod
    def hello(self) -> Hello:
        """What it is."""

    @abstractmethod
    def load(self, problem: Problem) -> None:
        """Takes a problem, in place of the one before."""

    @abstractmethod
    def compute(self, operation: str) -> Any:
        """Computes once. Results are left where the library leaves them."""

    @abstractmethod
    def answer(self, operation: str, result: Any) -> Answer:
        """What `compute` returned, as numbers."""

    def prepare(self, operation: str) -> None:
        """Before an answer: what a computation in place has to restore."""

    def wait(self, result: Any) -> None:
        """Waits for the end of what was begun."""

    def milliseconds(self, operation: str, repetitions: int) -> float:
        """Times one repetition: here by the wall clock, waiting for the last."""
        start = time.perf_counter()
        result = None
        for _ in range(repetitions):
            result = self.compute(operation)
        self.wait(result)
        return (time.perf_counter() - start) * 1e3 / repetitions


def serve(open_engine: Callable[[], Engine]) -> None:
    """Opens an engine and answers requests until standard input ends. Failures are replies."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no reply

    def say(message: dict[str, Any]) -> None:
        replies.write(json.dumps(message) + "\n")
        replies.flush()

    try:
        engine = open_engine()
        hello = engine.hello()
    except Exception as error:  # noqa: BLE001 (whatever a library raises)
        return say(_failure(error))
    say(hello.__dict__)
    for line in sys.stdin:
        try:
            say(_handle(engine, json.loads(line)))
        except Exception as error:  # noqa: BLE001
            say(_failure(error))
    return None


def _failure(error: Exception) -> dict[str, Any]:
    first = (str(error).strip() or "no message").splitlines()[0]
    return {"error": f"{type(error).__name__}: {first}"}


def _handle(engine: Engine, request: dict[str, Any]) -> dict[str, Any]:
    ((name, arguments),) = request.items()
    if name == "load":
        engine.load(_read(arguments))
        return {}
    if name == "answer":
        return _answer(engine, arguments["operation"], Path(arguments["values"]))
    if name == "time":
        times = [
            engine.milliseconds(arguments["operation"], max(1, arguments["repetitions"]))
            for _ in range(arguments["runs"])
        ]
        return {"milliseconds": times}
    raise ValueError(f"expected load, answer or time, got {name}")


def _read(arguments: dict[str, Any]) -> Problem:
    rows, classes = arguments["rows"], arguments["classes"]
    logits = np.fromfile(arguments["logits"], dtype="<f4")
    targets = np.fromfile(arguments["targets"], dtype="<i4")
    if logits.size != rows * classes or targets.size != rows:
        raise ValueError(f"load: expected {rows} x {classes}, got {logits.size}, {targets.size}")
    return Problem(arguments["element"], logits.reshape(rows, classes), targets)


def _answer(engine: Engine, operation: str, path: Path) -> dict[str, Any]:
    engine.prepare(operation)
    start = time.perf_counter()
    result = engine.compute(operation)
    engine.wait(result)
    seconds = time.perf_counter() - start
    answer = engine.answer(operation, result)
    values = np.empty(0) if answer.values is None else answer.values
    temporary = path.with_suffix(".part")  # the file is there when it is whole
    np.ascontiguousarray(values, dtype="<f4").tofile(temporary)
    temporary.replace(path)
    return {"loss": answer.loss, "seconds": seconds}
