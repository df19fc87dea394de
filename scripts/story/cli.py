"""The commands behind scripts/demo and scripts/test."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from scripts.story import pictures
from scripts.story.processes import StoryFailed

PORT = 8080


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code is 0 only if all went as the story says."""
    given = _parser().parse_args(arguments)
    try:
        return _run(given)
    except (StoryFailed, pictures.PicturesUnavailable, pictures.PictureTampered) as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="run a whole site on this machine until Ctrl-C")
    demo.add_argument(
        "--check", action="store_true", help="headless: check every number, print one JSON object"
    )
    demo.add_argument("--port", type=int, default=PORT, metavar="N", help=f"port of the pages ({PORT})")
    demo.add_argument("--fresh", action="store_true", help="forget what an earlier run left")
    demo.add_argument("--setup-seconds", type=float, default=0, help=argparse.SUPPRESS)
    press = commands.add_parser("press", help="put a finger on the sensor of the running demo")
    press.add_argument("employee_no", help="whose; one that nobody has is a stranger's")
    show = commands.add_parser("show", help="step before the camera of the running demo")
    show.add_argument("picture", type=Path, help="a file, or the name of one of the fetched pictures")
    commands.add_parser("pictures", help="fetch the portraits and check them")
    broker = commands.add_parser("broker", help="the embedded broker in a process of its own")
    broker.add_argument("port", type=int)
    return parser


def _run(given: argparse.Namespace) -> int:
    match given.command:
        case "pictures":
            pictures.fetch()
        case "broker":
            from scripts.story.broker import serve

            serve(given.port)
        case "demo" if given.check:
            return _check(given.setup_seconds)
        case "demo":
            from scripts.story.demo import demo

            demo(given.port, fresh=given.fresh)
        case _:
            _at_the_door(given)
    return 0


def _check(setup_seconds: float) -> int:
    from scripts.story.check import check

    report = check(setup_seconds)
    print(json.dumps(report, ensure_ascii=False))
    return 0 if report["ok"] else 1


def _at_the_door(given: argparse.Namespace) -> None:
    from scripts.story import hands
    from scripts.story.demo import control

    if given.command == "press":
        hands.press(control("finger"), given.employee_no)
        return
    fetched = pictures.KEPT_IN / given.picture
    hands.show(control("face"), (given.picture if given.picture.exists() else fetched).resolve())
