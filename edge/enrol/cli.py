"""``kaoqin-edge enrol``: what can be said on the command line. Exit code 1: refused, nothing was stored."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``enrol`` and what it can do."""
    enrol = commands.add_parser("enrol", help="enrol faces and fingers, list them, erase them")
    actions = enrol.add_subparsers(required=True, metavar="ACTION")
    whose = argparse.ArgumentParser(add_help=False)
    whose.add_argument("employee_no", metavar="EMPLOYEE_NO", help="as on this terminal's roster")
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("--state", type=Path, help="folder of what the terminal keeps (KAOQIN_EDGE_STATE)")
    consent = argparse.ArgumentParser(add_help=False)
    consent.add_argument("--consent", action="store_true", help="the person was asked and agreed, just now")
    port = argparse.ArgumentParser(add_help=False)
    port.add_argument("--sensor", metavar="PATH", help="serial port of the fingerprint sensor")

    face = actions.add_parser("face", parents=[whose, place, consent], help="enrol a face from pictures")
    face.add_argument("--picture", type=Path, nargs="+", required=True, metavar="FILE")
    face.set_defaults(command=_enrol_face)
    finger = actions.add_parser("finger", parents=[whose, place, consent, port], help="enrol a finger")
    finger.add_argument("--position", required=True, metavar="FINGER", help="for example right-index")
    finger.set_defaults(command=_enrol_finger)
    erase = actions.add_parser(
        "erase", parents=[whose, place, port], help="delete all that is stored of a person"
    )
    erase.set_defaults(command=_erase)
    listing = actions.add_parser("list", parents=[place], help="what is stored of whom")
    listing.set_defaults(command=_list)


def _enrol_face(options: argparse.Namespace) -> int:
    from edge.enrol.commands import NotStored, enrol_one_face

    try:
        enrol_one_face(options.state, options.employee_no, options.picture, _say, consent=options.consent)
    except NotStored as refused:
        return _refused(refused)
    return 0


def _enrol_finger(options: argparse.Namespace) -> int:
    from edge.enrol.commands import NotStored, enrol_one_finger

    number, position, sensor = options.employee_no, options.position, options.sensor
    try:
        enrol_one_finger(options.state, number, position, sensor, _say, consent=options.consent)
    except NotStored as refused:
        return _refused(refused)
    return 0


def _erase(options: argparse.Namespace) -> int:
    from edge.enrol.commands import erase

    erase(options.state, options.employee_no, options.sensor, _say)
    return 0


def _list(options: argparse.Namespace) -> int:
    from edge.enrol.commands import list_holdings

    list_holdings(options.state, _say)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _refused(reason: Exception) -> int:
    print(f"Nothing was stored: {reason}.", file=sys.stderr)
    return 1
