"""Tries each mutant, in a fork of one pytest, with every test that runs the statement changed.

A mutant is caught when a test fails, or when it does not end.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from inspect import signature
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any, Final

import pytest
from _pytest.runner import runtestprotocol

from tests.mutation.mutants import ROOT, Mutant

TESTS: Final = ROOT / "tests/unit/cloud/rules"
RULES: Final = str(ROOT / "cloud/rules")
CPU_S: Final = 1.0
"""What one test may take of a mutant besides ten times what it takes of the rules as they are."""
MEMORY: Final = 4 * 1024**3
SOMEHOW: Final = 255
"""The exit code when it is not known, or too far down the list, which test failed."""
OPTIONS: Final = ("-q", "-s", "-p", "no:randomly", "-p", "no:cacheprovider", "-o", "timeout=0", "--no-header")


class Verdict(StrEnum):
    """What the tests say of a mutant."""

    CAUGHT = "caught"
    SURVIVED = "survived"
    UNREACHED = "unreached"
    """No test runs the statement."""


@dataclass
class Judge:
    """The plugin of pytest that runs no test once but each as often as there are mutants to try it on.

    Attributes:
        found: the verdicts, as they come.
        caught_by: how often a test caught a mutant of a function, or (None) of any; such are tried first.
    """

    mutants: Iterable[Mutant]
    processes: int
    found: list[tuple[Mutant, Verdict]]
    tell: Callable[[Mutant, Verdict], None]
    caught_by: Counter[tuple[FunctionType | None, pytest.Item]] = field(default_factory=Counter)
    took: dict[pytest.Item, float] = field(default_factory=dict)
    _trying: dict[int, tuple[Mutant, list[pytest.Item]]] = field(default_factory=dict)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Take the place of pytest's own loop."""
        reached = self._reached(session.items)
        gc.collect()
        gc.freeze()
        for mutant in self.mutants:
            if len(self._trying) >= self.processes:
                self._wait()
            items = _unique(item for line in mutant.lines for item in reached.get((mutant.file, line), ()))
            if not items:
                self._tell(mutant, Verdict.UNREACHED)
                continue
            items.sort(key=partial(self._promise, mutant.target))
            self._trying[self._fork(mutant, items)] = (mutant, items)
        while self._trying:
            self._wait()
        return True

    def _reached(self, items: list[pytest.Item]) -> dict[tuple[str, int], list[pytest.Item]]:
        """The tests that run each line of the rules, quick ones first."""
        reached: defaultdict[tuple[str, int], list[pytest.Item]] = defaultdict(list)
        for item in items:
            lines: set[tuple[str, int]] = set()
            began = time.process_time()
            sys.settrace(_tracer(lines))
            try:
                failed = _fails(item)
            finally:
                sys.settrace(None)
            if failed:
                raise RuntimeError(f"{item.nodeid} fails without any change")
            self.took[item] = time.process_time() - began
            for line in lines:
                reached[line].append(item)
        for tests in reached.values():
            tests.sort(key=self.took.__getitem__)
        return reached

    def _fork(self, mutant: Mutant, items: list[pytest.Item]) -> int:
        """A process that ends with 0 if no test fails, else with 1 + the position of the first that does."""
        child = os.fork()
        if child:
            return child
        code = SOMEHOW
        try:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            mutant.put()
            failed = (position for position, item in enumerate(items) if self._fails(item))
            code = min(next(failed, -1) + 1, SOMEHOW)
        finally:
            os._exit(code)

    def _fails(self, item: pytest.Item) -> bool:
        signal.setitimer(signal.ITIMER_PROF, CPU_S + 10 * self.took[item])  # its signal ends the process
        return _fails(item)

    def _wait(self) -> None:
        pid, status = os.wait()
        mutant, items = self._trying.pop(pid)
        position = os.waitstatus_to_exitcode(status) - 1
        if 0 <= position < min(len(items), SOMEHOW - 1):
            self.caught_by.update([(mutant.target, items[position]), (None, items[position])])
        self._tell(mutant, Verdict.CAUGHT if status else Verdict.SURVIVED)

    def _promise(self, target: FunctionType, item: pytest.Item) -> tuple[int, int]:
        return -self.caught_by[target, item], -self.caught_by[None, item]

    def _tell(self, mutant: Mutant, verdict: Verdict) -> None:
        self.found.append((mutant, verdict))
        self.tell(mutant, verdict)


def judge(
    mutants: Iterable[Mutant],
    found: list[tuple[Mutant, Verdict]],
    tell: Callable[[Mutant, Verdict], None],
    tests: Path = TESTS,
) -> None:
    """Put the verdict of each mutant in ``found`` as it comes, and tell of it.

    Raises:
        RuntimeError: a test fails without any change, or somebody interrupted.
    """
    code = pytest.main(
        [str(tests), *OPTIONS], plugins=[Judge(mutants, len(os.sched_getaffinity(0)), found, tell)]
    )
    if code:
        raise RuntimeError(f"pytest ended with {code!r}")


def _tracer(lines: set[tuple[str, int]]) -> Callable[[FrameType, str, Any], Any]:
    def line(frame: FrameType, _event: str, _arg: Any) -> Any:
        lines.add((frame.f_code.co_filename, frame.f_lineno))
        return line

    def call(frame: FrameType, event: str, arg: Any) -> Any:
        return line(frame, event, arg) if frame.f_code.co_filename.startswith(RULES) else None

    return call


def _unique(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    return list(dict.fromkeys(items))


def _fails(item: pytest.Item) -> bool:
    """Whether the test fails; one that has no fixtures is called without pytest, which costs more than it."""
    if not isinstance(item, pytest.Function):
        return _protocol_fails(item)
    given = item.callspec.params if hasattr(item, "callspec") else {}
    if not set(signature(item.function).parameters) <= set(given):
        return _protocol_fails(item)
    try:
        item.function(**{name: given[name] for name in signature(item.function).parameters})
    except (Exception, pytest.fail.Exception):  # noqa: BLE001  a mutant may raise anything
        return True
    return False


def _protocol_fails(item: pytest.Item) -> bool:
    return any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))
