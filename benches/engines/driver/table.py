"""Results as text: a table for each case, and what it comes to."""

from __future__ import annotations

from typing import Any

from .catalogue import CPU, GPU, OURS, TUNED
from .rounds import Result

Json = dict[str, Any]


def of_case(results: list[Result]) -> str:
    """One operation on one problem, the fastest first; what failed is said, not timed."""
    first = results[0]
    ours = {kind: best_of_ours(results, kind) for kind in (CPU, GPU)}
    header = f"\n{first.operation}, {first.problem.name}, {first.problem.element}"
    lines = [
        header,
        f"  {'engine':<37}{'ms':>10}{'least':>10}{'most':>10}{'runs':>6}{'GB/s':>8}"
        f"{'x ' + 'cpu::Fast':>12}{'x GPU':>8}",
    ]
    timed = [result for result in results if result.milliseconds is not None]
    for result in sorted(timed, key=lambda result: result.milliseconds or 0):
        lines.append("  " + _row(result, ours))
    for result in results:
        if result.milliseconds is None:
            lines.append(f"  {result.spec.name:<37}  {result.failure or 'not timed'}")
    return "\n".join(lines)


def _row(result: Result, ours: dict[str, Result | None]) -> str:
    ratios = [_ratio(result, ours[kind]) for kind in (CPU, GPU)]
    samples = result.samples
    return (
        f"{result.spec.name:<37}{result.milliseconds or 0:>10.3f}{min(samples):>10.3f}"
        f"{max(samples):>10.3f}{len(samples):>6}{result.gigabytes_per_second or 0:>8.1f}"
        f"{ratios[0]:>12}{ratios[1]:>8}"
    )


def _ratio(result: Result, ours: Result | None) -> str:
    if ours is None or not ours.milliseconds or result.milliseconds is None:
        return "-"
    return f"{result.milliseconds / ours.milliseconds:.2f}"


def best_of_ours(results: list[Result], kind: str) -> Result | None:
    """The better of our allocators, called as rivals are: a gradient that the call allocates."""
    timed = [
        result
        for result in results
        if result.milliseconds is not None and result.spec.name.removesuffix(TUNED) == OURS[kind]
    ]
    return min(timed, key=lambda result: result.milliseconds or 0, default=None)


def is_our(name: str) -> bool:
    """Whether an engine is this project's."""
    return name.startswith("wgpu-loss")


def summary(results: list[Json]) -> str:
    """Markdown: for each case our time and each rival's as a multiple of it, allocators' best."""
    lines = []
    for kind in (CPU, GPU):
        rivals = _families(results, kind)
        if not rivals:
            continue
        lines += [
            "",
            f"Times as multiples of {OURS[kind]}'s (above 1: the rival is slower); each with the "
            "better of its allocators.",
            "",
            f"| operation | rows x classes | {OURS[kind]}, ms (GB/s) | {' | '.join(rivals)} |",
            "|---|---|---|" + "---|" * len(rivals),
        ]
        for case in _cases(results):
            lines += _summary_row(case, kind, rivals)
    return "\n".join(lines)


def _summary_row(case: list[Json], kind: str, rivals: list[str]) -> list[str]:
    ours = _family(case, OURS[kind])
    if ours is None or "milliseconds" not in ours:
        return []
    cells = []
    for rival in rivals:
        result = _family(case, rival)
        if result is None:
            cells.append("-")
        elif "milliseconds" in result:
            cells.append(f"{result['milliseconds'] / ours['milliseconds']:.2f}")
        else:
            cells.append("wrong" if result["failure"].startswith("WRONG") else "failed")
    shape = f"{ours['rows']} x {ours['classes']}"
    element = "" if ours["element"] == "f32" else f", {ours['element']}"
    time = f"{ours['milliseconds']:.2f} ({ours['gigabytes_per_second']:.1f})"
    return [f"| {ours['op']}{element} | {shape} | {time} | {' | '.join(cells)} |"]


def _families(results: list[Json], kind: str) -> list[str]:
    """Names beside ours, without their allocators, in order of appearance."""
    names = [result["engine"].removesuffix(TUNED) for result in results if result["kind"] == kind]
    return [name for name in dict.fromkeys(names) if name != OURS[kind]]


def _family(case: list[Json], name: str) -> Json | None:
    """The better of an engine's allocators."""
    found = [result for result in case if result["engine"].removesuffix(TUNED) == name]
    return min(found, key=lambda result: result.get("milliseconds", float("inf")), default=None)


def _cases(results: list[Json]) -> list[list[Json]]:
    cases: dict[tuple[Any, ...], list[Json]] = {}
    for result in results:
        key = tuple(result[name] for name in ("op", "element", "rows", "classes"))
        cases.setdefault(key, []).append(result)
    order = ("log-sum-exp", "cross-entropy", "fused")
    return [
        cases[key] for key in sorted(cases, key=lambda key: (order.index(key[0]), key[1], key[3]))
    ]
