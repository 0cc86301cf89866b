"""A whole run: start what is there, take every case, print and record."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from . import record, table
from .catalogue import Spec, catalogue, shared_environment
from .install import build
from .problem import OPERATIONS, make
from .process import EngineError, EngineProcess
from .rounds import Result, Settings, Started, measure


def run(
    arguments: argparse.Namespace, shapes: list[tuple[int, int]], python: Path, scratch: Path
) -> int:
    """Measures. 0: wgpu-loss gave right answers to everything; what rivals gave is a result."""
    if not arguments.no_build:
        build(["wgpu_loss"])  # the sources may have changed since
    specs = [spec for spec in catalogue(python) if is_wanted(spec, arguments)]
    engines, missing = start_all(specs, arguments.threads, arguments.timeout)
    print_engines(engines, missing)
    settings = Settings(arguments.rounds, arguments.limit, arguments.timeout)
    operations = tuple(arguments.op or OPERATIONS)
    results: list[Result] = []
    try:
        for element in arguments.element or ["f32"]:
            for rows, classes in shapes:
                problem = make(rows, classes, element, scratch)
                results += measure(engines, problem, settings, scratch, operations)
                print_cases(results, problem.name, element, operations)
    finally:
        for engine in engines:
            engine.close()
        write(arguments, results, engines, missing)
    ours = [result for result in results if table.is_our(result.spec.name)]
    failed = [result for result in ours if result.milliseconds is None]
    return 1 if failed or not results else 0


def is_wanted(spec: Spec, arguments: argparse.Namespace) -> bool:
    """By parts of names, in any case."""
    name = spec.name.lower()
    parts = arguments.engine
    chosen = parts is None or any(part.lower() in name for part in parts)
    return chosen and not any(part.lower() in name for part in arguments.without or [])


def start_all(
    specs: list[Spec], threads: int, timeout: float
) -> tuple[list[Started], dict[str, str]]:
    """The engines that are there, and why the others are not."""
    environment = shared_environment(threads)
    cores = cores_for(threads)
    engines, missing = [], {}
    for spec in specs:
        try:
            engines.append(
                Started(spec, lambda spec: EngineProcess(spec, environment, cores), timeout)
            )
        except EngineError as error:
            missing[spec.name] = str(error)
    return engines, missing


def cores_for(threads: int) -> set[int] | None:
    """The same cores for all, where they are to use fewer than there are."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    available = sorted(os.sched_getaffinity(0))
    return set(available[:threads]) if threads < len(available) else None


def print_engines(engines: list[Started], missing: dict[str, str]) -> None:
    """Nobody is left out silently."""
    for engine in engines:
        hello = engine.hello
        count = hello["threads"]
        threads = f", {count} thread{'s' if count > 1 else ''}" if count else ""
        print(f"{engine.spec.name:<37}{hello['version']}, {hello['device']}{threads}")
    for name, why in missing.items():
        print(f"{name:<37}MISSING: {why}")
    sys.stdout.flush()


def print_cases(
    results: list[Result], name: str, element: str, operations: tuple[str, ...]
) -> None:
    """The tables of one problem."""
    for operation in operations:
        case = [
            result
            for result in results
            if result.operation == operation
            and (result.problem.name, result.problem.element) == (name, element)
        ]
        if case:
            print(table.of_case(case), flush=True)


def write(
    arguments: argparse.Namespace,
    results: list[Result],
    engines: list[Started],
    missing: dict[str, str],
) -> None:
    """The record, and the summary of everything in it; of an interrupted run, what there is."""
    if not results:
        return
    hellos = {engine.spec.name: engine.hello for engine in engines}
    whole = record.of_run(
        [result.as_json() for result in results], hellos, missing, arguments.threads
    )
    if arguments.json is not None:
        whole = record.write(arguments.json, whole, arguments.append)
    summary = table.summary(whole["results"])
    print(summary)
    if arguments.markdown is not None:
        arguments.markdown.write_text(summary.lstrip("\n") + "\n", encoding="utf-8")
