"""Checks of the driver itself, on tiny cases: `run.py --self-test`."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Callable

import numpy as np

from . import table
from .catalogue import CPU, OURS, Spec, _python, catalogue
from .install import build
from .problem import FUSED, LOG_SUM_EXP, OPERATIONS, make, wrong
from .rounds import Settings, Started, measure
from .session import start_all

QUICKLY = Settings(rounds=2, limit=0.2, timeout=60)
SHAPES = ((64, 10), (3, 1001))


def self_test() -> int:
    """Runs every check; one that fails says so."""
    checks: list[Callable[[Path], None]] = [
        right_answers_are_timed,
        wrong_answers_are_refused,
        comparison_sees_one_value,
        missing_engines_are_named,
        silent_engines_are_ended,
    ]
    failed = 0
    for check in checks:
        with tempfile.TemporaryDirectory(prefix="wgpu-loss-") as scratch:
            try:
                check(Path(scratch))
                print(f"ok      {check.__name__}")
            except Exception as error:  # noqa: BLE001 (a check says what it found)
                failed += 1
                print(f"FAILED  {check.__name__}: {type(error).__name__}: {error}")
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


def expect(condition: bool, message: str) -> None:
    """An assertion that `python -O` keeps."""
    if not condition:
        raise AssertionError(message)


def started(specs: list[Spec]) -> list[Started]:
    """Engines that must be there."""
    engines, missing = start_all(specs, threads=1, timeout=60)
    expect(not missing, f"missing: {missing}")
    return engines


def right_answers_are_timed(scratch: Path) -> None:
    """NumPy and `cpu::Fast` give right answers to everything, in every element type they have."""
    expect(build(["wgpu_loss"]), "wgpu-loss does not build")
    wanted = ("NumPy", OURS[CPU])
    engines = started([spec for spec in catalogue(Path(sys.executable)) if spec.name in wanted])
    try:
        for element in ("f32", "bf16", "f16"):
            having = [engine for engine in engines if element in engine.hello["elements"]]
            expect(bool(having), f"nobody has {element}")
            for rows, classes in SHAPES:
                problem = make(rows, classes, element, scratch)
                results = measure(having, problem, QUICKLY, scratch)
                expect(len(results) == 3 * len(having), f"{len(results)} results")
                for result in results:
                    what = f"{result.spec.name}, {result.operation}, {problem.name}, {element}"
                    expect(result.failure is None, f"{what}: {result.failure}")
                    expect((result.milliseconds or 0) > 0, f"{what}: no time")
                    expect("GB/s" in table.of_case([result]), "no table")
    finally:
        close(engines)


def wrong_answers_are_refused(scratch: Path) -> None:
    """An engine that is off in one value has no time, in no operation, in no table."""
    spec = _python("wrong", CPU, Path(sys.executable), "wrong")
    engines = started([spec])
    try:
        for rows, classes in SHAPES:
            results = measure(engines, make(rows, classes, "f32", scratch), QUICKLY, scratch)
            expect(len(results) == len(OPERATIONS), f"{len(results)} results")
            for result in results:
                expect((result.failure or "").startswith("WRONG"), f"passed: {result.operation}")
                expect(result.milliseconds is None, "it has a time")
                expect("milliseconds" not in result.as_json(), "the record has a time")
                expect("WRONG" in table.of_case([result]), "the table hides it")
    finally:
        close(engines)


def comparison_sees_one_value(scratch: Path) -> None:
    """One value, a NaN, zeros, too few values; and a float32 rounding is no fault."""
    problem = make(5, 70_001, "f32", scratch)
    right = (problem.scaled_gradient / np.float32(5)).reshape(-1)
    expect(wrong(problem, FUSED, problem.loss, right) is None, "a rounded gradient is refused")
    for index in (0, right.size // 2, right.size - 1):
        for value in (np.float32(np.nan), right[index] + np.float32(1e-5), np.float32(1)):
            off = right.copy()
            off[index] = value
            found = wrong(problem, FUSED, problem.loss, off)
            expect(found is not None and found.startswith("1 of"), f"{value} at {index}: {found}")
    expect(wrong(problem, FUSED, problem.loss, 0 * right) is not None, "zeros pass")
    expect(wrong(problem, FUSED, problem.loss, right[1:]) is not None, "too few values pass")
    expect(wrong(problem, FUSED, float("nan"), right) is not None, "a NaN loss passes")
    rows = problem.log_sum_exp.astype(np.float32)
    expect(wrong(problem, LOG_SUM_EXP, None, rows) is None, "rounded rows are refused")
    rows[4] = -np.inf
    expect(wrong(problem, LOG_SUM_EXP, None, rows) is not None, "an infinity passes")


def missing_engines_are_named(_: Path) -> None:
    """Programs that are not there, and engines that say no."""
    specs = [
        Spec("no program", CPU, ("/nonexistent/engine",), remedy="not built"),
        _python("no module", CPU, Path(sys.executable), "numpy", "no such library"),
    ]
    engines, missing = start_all(specs, threads=1, timeout=60)
    close(engines)
    expect(not engines and set(missing) == {"no program", "no module"}, f"{missing}")
    expect(missing["no program"] == "not built", f"{missing}")


def silent_engines_are_ended(_: Path) -> None:
    """An engine that says nothing does not hold up the others."""
    begin = time.monotonic()
    sleeper = Spec("sleeper", CPU, (sys.executable, "-c", "import time; time.sleep(600)"))
    engines, missing = start_all([sleeper], threads=1, timeout=1)
    close(engines)
    expect("no reply" in missing.get("sleeper", ""), f"{missing}")
    expect(time.monotonic() - begin < 30, "it was waited for")


def close(engines: list[Started]) -> None:
    """Ends them."""
    for engine in engines:
        engine.close()
