"""Takes turns: every engine gets a few calls a round, so that all see the same machine."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import numpy as np

from .catalogue import Spec
from .problem import OPERATIONS, Problem, wrong
from .process import EngineError, EngineProcess

#: A turn lasts about so long, where a call is shorter.
TURN_SECONDS = 0.3
#: Least time between two looks at the clock.
SAMPLE_SECONDS = 0.02
MOST_REPETITIONS, MOST_RUNS = 512, 5
LEAST_RUNS = 3
#: Calls that take longer are not repeated.
LONG_SECONDS = 10.0


@dataclass
class Settings:
    """What bounds a measurement."""

    rounds: int = 5
    #: Seconds of timed calls for an engine in a case.
    limit: float = 10.0
    #: Seconds until an engine that does not reply is ended; compiling counts.
    timeout: float = 240.0


@dataclass
class Result:
    """An engine in a case: times, or what is wrong."""

    spec: Spec
    problem: Problem
    operation: str
    samples: list[float] = field(default_factory=list)
    failure: str | None = None

    @property
    def milliseconds(self) -> float | None:
        """The median; none where the answer was wrong."""
        return statistics.median(self.samples) if self.samples and not self.failure else None

    @property
    def gigabytes_per_second(self) -> float | None:
        """Of the least bytes that the operation has to move."""
        median = self.milliseconds
        return median and self.problem.least_bytes(self.operation) / median / 1e6

    def as_json(self) -> dict[str, Any]:
        """For the record."""
        median = self.milliseconds
        fields: dict[str, Any] = {
            "engine": self.spec.name,
            "kind": self.spec.kind,
            "op": self.operation,
            "element": self.problem.element,
            "rows": self.problem.rows,
            "classes": self.problem.classes,
        }
        if median is None:
            return {**fields, "failure": self.failure or "not timed"}
        return {
            **fields,
            "milliseconds": median,
            "minimum": min(self.samples),
            "maximum": max(self.samples),
            "runs": len(self.samples),
            "gigabytes_per_second": self.gigabytes_per_second,
        }


class Started:
    """An engine that is there: its process is started anew where it has ended."""

    def __init__(self, spec: Spec, start: Callable[[Spec], EngineProcess], timeout: float) -> None:
        self.spec, self._start, self._timeout = spec, start, timeout
        self._process = start(spec)
        try:
            self.hello = self._process.hello(timeout)
        except EngineError:
            self._process.close()
            raise

    def load(self, problem: Problem) -> None:
        """Hands a problem over."""
        if not self._process.is_alive:
            self._process.close()
            self._process = self._start(self.spec)
            self._process.hello(self._timeout)
        self._process.ask(
            "load",
            self._timeout,
            rows=problem.rows,
            classes=problem.classes,
            element=problem.element,
            logits=str(problem.logits_path),
            targets=str(problem.targets_path),
        )

    def ask(self, name: str, **arguments: Any) -> dict[str, Any]:
        """A request, and its reply."""
        return self._process.ask(name, self._timeout, **arguments)

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked anything without being loaded anew."""
        return self._process.is_alive

    def close(self) -> None:
        """Ends it."""
        self._process.close()


@dataclass
class Turns:
    """An engine's turns in one case."""

    engine: Started
    result: Result
    #: Seconds of one call, as last seen.
    once: float
    spent: float = 0.0

    def is_due(self, settings: Settings) -> bool:
        """Whether it gets another turn."""
        samples = self.result.samples
        if self.result.failure:
            return False
        if samples and self.once > LONG_SECONDS:
            return False
        return len(samples) < LEAST_RUNS or self.spent < settings.limit

    def take(self) -> None:
        """One turn: where calls are short, the first fetches caches back and does not count."""
        repetitions = clamp(math.ceil(SAMPLE_SECONDS / self.once), 1, MOST_REPETITIONS)
        sample = repetitions * self.once
        runs = clamp(int(TURN_SECONDS / sample), 1, MOST_RUNS)
        warm = 1 if self.once < 1 else 0
        try:
            reply = self.engine.ask(
                "time", operation=self.result.operation, runs=runs + warm, repetitions=repetitions
            )
        except EngineError as error:
            self.result.failure = str(error)
            return
        times = reply["milliseconds"]
        self.spent += sum(times) * repetitions / 1e3
        self.once = max(min(times) / 1e3, 1e-7)
        self.result.samples += times[warm:]


def measure(
    engines: list[Started],
    problem: Problem,
    settings: Settings,
    scratch: Path,
    operations: tuple[str, ...] = OPERATIONS,
) -> list[Result]:
    """All engines, all operations, one problem."""
    unloaded = {engine.spec.name: load(engine, problem) for engine in engines}
    results = []
    for operation in operations:
        turns = []
        for engine in engines:
            result = Result(engine.spec, problem, operation, failure=unloaded[engine.spec.name])
            results.append(result)
            if result.failure is None:
                turns.append(check(engine, result, scratch))
                if not engine.is_alive:  # its other operations may do better
                    unloaded[engine.spec.name] = load(engine, problem)
        for number in range(settings.rounds):
            shift = number % max(1, len(turns))
            for turn in turns[shift:] + turns[:shift]:
                if turn.is_due(settings):
                    turn.take()
    return results


def load(engine: Started, problem: Problem) -> str | None:
    """Why it cannot be loaded, where it cannot."""
    if problem.element not in engine.hello["elements"]:
        return f"has no {problem.element}"
    try:
        engine.load(problem)
    except EngineError as error:
        return str(error)
    return None


def check(engine: Started, result: Result, scratch: Path) -> Turns:
    """Asks for the answer twice, since the first call compiles, and compares the second."""
    turns = Turns(engine, result, 1.0)
    path = scratch / "values.f32"
    try:
        reply = engine.ask("answer", operation=result.operation, values=str(path))
        if reply["seconds"] < LONG_SECONDS:
            reply = engine.ask("answer", operation=result.operation, values=str(path))
        turns.once = max(reply["seconds"], 1e-7)
        values = np.fromfile(path, dtype="<f4")
        path.unlink()
        off = wrong(result.problem, result.operation, reply.get("loss"), values)
        result.failure = off and f"WRONG ANSWER: {off}"
    except EngineError as error:
        result.failure = str(error)
    return turns


def clamp(value: int, least: int, most: int) -> int:
    """Between two numbers."""
    return max(least, min(value, most))
