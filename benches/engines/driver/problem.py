"""Data, the float64 reference, and the comparison that every answer has to pass."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

LOG_SUM_EXP, CROSS_ENTROPY, FUSED = "log-sum-exp", "cross-entropy", "fused"
OPERATIONS = (LOG_SUM_EXP, CROSS_ENTROPY, FUSED)
ELEMENT_BYTES = {"f32": 4, "f16": 2, "bf16": 2}
#: Half a unit in the last place of 1, and the least positive number: what a stored gradient loses.
PRECISION = {"f32": (2.0**-24, 0.0), "f16": (2.0**-11, 2.0**-24), "bf16": (2.0**-8, 0.0)}

#: Relative error that float32 sums of a million terms have, one after the other.
VALUE_TOLERANCE = 2e-5
LOSS_TOLERANCE = 1e-4
#: Of rows * gradient = p - [c = y]: relative; absolute, well below 1 / 1 000 000 classes; and at
#: the target, where p - 1 cancels.
GRADIENT_TOLERANCE, GRADIENT_FLOOR, TARGET_TOLERANCE = 2e-4, 1e-7, 2e-5

BLOCK = 1 << 22  # elements looked at together: temporaries stay small


def blocks(rows: int, classes: int) -> list[slice]:
    """Slices of rows."""
    step = max(1, BLOCK // classes)
    return [slice(first, min(first + step, rows)) for first in range(0, rows, step)]


@dataclass
class Problem:
    """Logits and targets in files that every engine reads, and what they must give."""

    rows: int
    classes: int
    element: str
    logits_path: Path
    targets_path: Path
    targets: np.ndarray
    log_sum_exp: np.ndarray
    loss: float
    #: rows * gradient, which does not vanish with the number of rows.
    scaled_gradient: np.ndarray

    @property
    def name(self) -> str:
        """Rows x classes."""
        return f"{self.rows} x {self.classes}"

    def least_bytes(self, operation: str) -> int:
        """The logits read once; the gradient written once."""
        sweeps = 2 if operation == FUSED else 1
        return sweeps * self.rows * self.classes * ELEMENT_BYTES[self.element]


def make(rows: int, classes: int, element: str, scratch: Path) -> Problem:
    """Draws a problem, the same in every run, and writes it for the engines."""
    draws = np.random.default_rng([rows, classes])
    logits = rounded(3 * draws.standard_normal((rows, classes), dtype=np.float32), element)
    targets = draws.integers(0, classes, rows, dtype=np.int32)
    logits_path, targets_path = scratch / "logits.f32", scratch / "targets.i32"
    logits.astype("<f4", copy=False).tofile(logits_path)
    targets.astype("<i4", copy=False).tofile(targets_path)
    log_sum_exp, gradient = reference(logits, targets)
    picked = logits[np.arange(rows), targets].astype(np.float64)
    loss = float((log_sum_exp - picked).mean())
    return Problem(
        rows, classes, element, logits_path, targets_path, targets, log_sum_exp, loss, gradient
    )


def rounded(values: np.ndarray, element: str) -> np.ndarray:
    """To values that the element type represents."""
    if element == "f16":
        return values.astype(np.float16).astype(np.float32)
    if element == "bf16":
        bits = values.view(np.uint32)
        bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
        return bits.view(np.float32)
    return values


def reference(logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each row's log-sum-exp, and rows * gradient, in float64; the latter rounded to float32."""
    rows, classes = logits.shape
    log_sum_exp = np.empty(rows)
    gradient = np.empty((rows, classes), np.float32)
    for block in blocks(rows, classes):
        values = logits[block].astype(np.float64)
        maximum = values.max(axis=1, keepdims=True)
        values -= maximum
        np.exp(values, out=values)
        total = values.sum(axis=1, keepdims=True)
        log_sum_exp[block] = (maximum + np.log(total))[:, 0]
        values /= total
        values[np.arange(len(values)), targets[block]] -= 1
        gradient[block] = values
    return log_sum_exp, gradient


def wrong(problem: Problem, operation: str, loss: float | None, values: np.ndarray) -> str | None:
    """What is wrong with an answer; `None` where nothing is."""
    if operation == LOG_SUM_EXP:
        return _wrong_log_sum_exp(problem, values)
    storing, _ = PRECISION[problem.element]
    tolerance = LOSS_TOLERANCE + (storing if problem.element != "f32" else 0)
    # A NaN is close to nothing.
    if loss is None or not abs(loss - problem.loss) <= tolerance * abs(problem.loss):
        return f"loss {loss}, expected {problem.loss:.7g}"
    return _wrong_gradient(problem, values) if operation == FUSED else None


def _wrong_log_sum_exp(problem: Problem, found: np.ndarray) -> str | None:
    expected = problem.log_sum_exp
    if found.size != expected.size:
        return f"{found.size} values, expected {expected.size}"
    storing, _ = PRECISION[problem.element]
    tolerance = (VALUE_TOLERANCE + storing) * np.maximum(1, np.abs(expected))
    is_off = ~(np.abs(found - expected) <= tolerance)
    if not is_off.any():
        return None
    row = int(is_off.argmax())
    return (
        f"{is_off.sum()} of {is_off.size} rows off, the first row {row}: "
        f"log-sum-exp {found[row]:.7g}, expected {expected[row]:.7g}"
    )


def _wrong_gradient(problem: Problem, found: np.ndarray) -> str | None:
    rows, classes = problem.rows, problem.classes
    if found.size != rows * classes:
        return f"{found.size} values of a gradient, expected {rows * classes}"
    found = found.reshape(rows, classes)
    storing, least = PRECISION[problem.element]
    off, first = 0, ""
    for block in blocks(rows, classes):
        expected = problem.scaled_gradient[block]
        tolerance = (GRADIENT_TOLERANCE + storing) * np.abs(expected)
        tolerance += GRADIENT_FLOOR + least * rows
        tolerance[np.arange(len(expected)), problem.targets[block]] += TARGET_TOLERANCE + storing
        is_off = ~(np.abs(found[block] * np.float32(rows) - expected) <= tolerance)
        if is_off.any():
            if off == 0:
                row, column = np.unravel_index(int(is_off.argmax()), is_off.shape)
                place = (block.start + int(row), int(column))
                first = f"row {place[0]}, class {place[1]}: {found[place]:.7g}, expected "
                first += f"{expected[row, column] / rows:.7g}"
            off += int(is_off.sum())
    if off == 0:
        return None
    return f"{off} of {rows * classes} values of the gradient off, the first in {first}"
