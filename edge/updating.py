"""Another release onto the terminal: not while only the terminal has some of the punches.

The release is a wheel; what it needs lies beside it, or comes from where pip of this machine looks.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from edge.agent import LEDGER_FILE
from edge.errors import NotInstalled
from edge.leaving import require_delivered
from edge.punch.ledger import owned
from models.clock import Clock

_CHECKS = (("punches", "verify"), ("doctor",))


def update(state: Path, wheel: Path, export_to: Path | None, clock: Clock) -> None:
    """Install ``wheel`` into the environment that runs this; the ledger in ``state`` is left as it is.

    Raises:
        LedgerBusy: the agent runs.
        StillWaiting, CannotExport, LedgerUnsafe: see :func:`edge.leaving.require_delivered`.
        NotInstalled: pip did not install it. Whatever is raised, nothing was changed.
    """
    if not wheel.is_file():
        raise NotInstalled(f"there is no file {wheel}")
    with owned(state / LEDGER_FILE):
        require_delivered(state, "update it", export_to, clock)
        done = subprocess.run(  # noqa: S603  our own interpreter, and a file that somebody named
            [
                *(
                    sys.executable,
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--no-input",
                    "--disable-pip-version-check",
                ),
                *("--find-links", str(wheel.resolve().parent), f"{wheel.resolve()}[edge]"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [
            done.stderr.strip()
        ]
        raise NotInstalled(f"{wheel.name} was not installed, the release before stays: {said[0]}")


def checks(state: Path) -> Iterator[int]:
    """The new release looks at what it found, as processes of its own: the exit code of each."""
    for check in _CHECKS:
        command = [sys.executable, "-m", "edge.cli", *check, "--state", str(state)]
        yield subprocess.run(command, check=False).returncode  # noqa: S603  our own interpreter
