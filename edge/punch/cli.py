"""``kaoqin-edge punches``: look at what the terminal keeps, prove it, take it away.

All of them may be used while the agent runs, and none of them writes to the ledger.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from models.proof import Fault


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``punches`` and what it can do."""
    punches = commands.add_parser("punches", help="look at the punches this terminal keeps")
    actions = punches.add_subparsers(required=True, metavar="ACTION")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--state", type=Path, help="folder of what the terminal keeps (KAOQIN_EDGE_STATE)")
    as_json = argparse.ArgumentParser(add_help=False)
    as_json.add_argument("--json", action="store_true", help="one JSON object")

    listing = actions.add_parser(
        "list", parents=[shared, as_json], help="the newest punches and how many there are"
    )
    listing.add_argument("--limit", type=int, default=20, metavar="N", help="at most N punches (20)")
    listing.add_argument("--waiting", action="store_true", help="only what the cloud has not acknowledged")
    listing.set_defaults(command=_list)
    verify = actions.add_parser(
        "verify",
        parents=[shared, as_json],
        help="are they as written? names the first bad record; exit code 1",
    )
    verify.add_argument(
        "--against", type=Path, metavar="FILE", help="an earlier export: is this an older copy?"
    )
    verify.set_defaults(command=_verify)
    export = actions.add_parser(
        "export", parents=[shared], help="write all of them to a signed file for kaoqin-cloud import punches"
    )
    export.add_argument("file", type=Path, metavar="FILE", help="a new file")
    export.set_defaults(command=_export)


def _state(options: argparse.Namespace) -> Path:
    from edge.settings import load_settings

    return load_settings(state=options.state).state


def _list(options: argparse.Namespace) -> int:
    from edge.agent import LEDGER_FILE
    from edge.punch.history import read_history

    path = _state(options) / LEDGER_FILE
    counts, lines = read_history(path, options.limit, waiting_only=options.waiting)
    if options.json:
        print(json.dumps({"counts": asdict(counts), "punches": [asdict(line) for line in lines]}))
        return 0
    for line in lines:
        direction = "" if line.direction == "none" else line.direction
        fate = f"{line.delivery}  {line.notes}".rstrip()
        print(f"{line.seq:>8}  {line.at}  {line.person_id:<20}{line.method:<8}{direction:<5}{fate}")
    print(f"{counts.punches} punches, {counts.waiting} waiting, {counts.refused} refused by the cloud")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from edge.agent import LEDGER_FILE
    from edge.punch.proving import read_earlier, verify
    from edge.punch.signing import kept_key

    state = _state(options)
    earlier = None if options.against is None else read_earlier(options.against)
    proved = verify(state / LEDGER_FILE, kept_key(state).public, earlier)
    if options.json:
        found = [{**asdict(fault), "stream_id": fault.stream_id.hex()} for fault in proved.faults]
        print(json.dumps({**asdict(proved), "faults": found}))
        return 1 if proved.faults else 0
    _say_faults(proved.faults)
    verdict = "NOT as this terminal wrote them" if proved.faults else "as this terminal wrote them"
    print(f"{proved.punches} punches of {proved.days} days in {proved.streams} streams: {verdict}")
    return 1 if proved.faults else 0


def _export(options: argparse.Namespace) -> int:
    from edge.agent import LEDGER_FILE
    from edge.punch.exporting import export
    from edge.punch.signing import kept_key
    from models.clock import SystemClock

    state = _state(options)
    exported = export(state / LEDGER_FILE, kept_key(state), options.file, SystemClock().wall_ms())
    _say_faults(exported.faults)
    print(f"{exported.punches} punches in {options.file}, {exported.waiting} of them not yet in the cloud")
    return 1 if exported.faults else 0


def _say_faults(faults: Sequence[Fault]) -> None:
    for fault in faults:
        where = f"seq {fault.first}" if fault.first == fault.last else f"seq {fault.first} to {fault.last}"
        print(f"stream {fault.stream_id.hex()}, {where}: {fault.what}")
