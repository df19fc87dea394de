"""The commands behind scripts/demo and scripts/test."""

from __future__ import annotations

import argparse
import sys

from scripts.story import pictures


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code is 0 only if all went as the story says."""
    parser = argparse.ArgumentParser(prog="python -m scripts.story", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("pictures", help="fetch the portraits and check them")
    parser.parse_args(arguments)
    return _pictures()


def _pictures() -> int:
    try:
        pictures.fetch()
    except (pictures.PicturesUnavailable, pictures.PictureTampered) as error:
        print(error, file=sys.stderr)
        return 1
    return 0
