"""Before a terminal forgets who it is: no punch that only it has may be left behind."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw

from edge.agent import LEDGER_FILE
from edge.errors import LedgerUnsafe, StillWaiting
from edge.punch.exporting import export
from edge.punch.ledger import owned
from edge.punch.proving import open_to_read
from edge.punch.signing import kept_key
from models.clock import Clock


@dataclass(frozen=True, slots=True)
class Wiped:
    """What is gone: files and folders of the state."""

    names: tuple[str, ...]


def require_delivered(state: Path, deed: str, export_to: Path | None, clock: Clock) -> None:
    """See to it that the cloud, or the file ``export_to``, has every punch of the ledger in ``state``.

    Args:
        state: the terminal's folder.
        deed: what is about to be done, for the sentence that refuses it.
        export_to: where to write the punches first, if anywhere.
        clock: for the date of the file.

    Raises:
        StillWaiting: punches were not acknowledged, and there is no file to export them to.
        CannotExport: the file cannot be written.
        LedgerUnsafe: the ledger cannot be read: nobody knows what it holds.
    """
    ledger = state / LEDGER_FILE
    if not ledger.exists():
        return
    if export_to is not None:
        export(ledger, kept_key(state), export_to, clock.wall_ms())
        return
    unacked = _unacked(ledger)
    if unacked:
        raise StillWaiting(
            f"{unacked} punches are only on this terminal: let it run until the cloud has them, "
            f"or take them along with --export FILE; then {deed} again"
        )


@contextmanager
def set_aside(state: Path) -> Iterator[None]:
    """Have the terminal begin a new ledger: the old one is kept beside it, and put back if the body fails.

    What was exported for the old identity must not be delivered by the new one as well: it would count twice.

    Raises:
        LedgerBusy: the agent runs.
    """
    with owned(state / LEDGER_FILE):
        number = len(list(state.glob(f"exported-*-{LEDGER_FILE}"))) + 1
        moves = [(path, path.with_name(f"exported-{number}-{path.name}")) for path in _ledger_files(state)]
        for path, aside in moves:
            path.replace(aside)
        try:
            yield
        except BaseException:
            for path, aside in moves:
                aside.replace(path)
            raise


def _ledger_files(state: Path) -> list[Path]:
    """The ledger's files that are there."""
    return [path for end in ("", "-wal", "-shm") if (path := state / f"{LEDGER_FILE}{end}").exists()]


def _unacked(ledger: Path) -> int:
    """Punches the cloud has not committed; renumbered ones count once, under their new number."""
    try:
        db = open_to_read(ledger)
        try:
            found: int = db.execute(
                "SELECT count(*) FROM punches LEFT JOIN refused USING (stream_no, seq) "
                "WHERE acked_ms IS NULL AND code IS NOT 'key_conflict'"
            ).get
        finally:
            db.close()
    except apsw.Error as error:
        raise LedgerUnsafe(f"no ledger can be read at {ledger}: {error}") from error
    return found


def wipe(state: Path, export_to: Path | None, clock: Clock) -> Wiped:
    """Delete all that the terminal keeps in ``state``: punches, people, templates, keys, identity.

    Raises:
        LedgerBusy: the agent runs.
        StillWaiting, CannotExport, LedgerUnsafe: see :func:`require_delivered`; then nothing was deleted.
    """
    with owned(state / LEDGER_FILE):
        require_delivered(state, "wipe it", export_to, clock)
        names = []
        # The ledger goes last: whatever stops us before leaves the punches.
        for path in sorted(state.iterdir(), key=lambda each: each.name.startswith(LEDGER_FILE)):
            if export_to is not None and path.resolve() == export_to.resolve():
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            names.append(path.name)
    return Wiped(tuple(names))
