"""``kaoqin-edge``: the terminal's commands.

Answers are on standard output, logs on standard error.
Exit codes: 0 done, 1 something was found wrong, 2 it could not be done; the last says why in one sentence.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from edge.enrol.cli import add_parser as add_enrol_parser
from edge.errors import CloudUnavailable, EdgeError
from edge.punch.cli import add_parser as add_punches_parser
from edge.settings import EdgeSettings, load_settings

_STATE_HELP = "folder of what the terminal keeps (KAOQIN_EDGE_STATE)"
_EXPORT_HELP = "first write the punches the cloud may not have to this new file"


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script."""
    options = _parser().parse_args(arguments)
    from edge.logs import configure_logs

    configure_logs()
    try:
        return int(options.command(options))
    except EdgeError as error:
        print(f"kaoqin-edge: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output has gone; Python would complain once more at exit.
        sys.stdout = None
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kaoqin-edge", description="The attendance terminal.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run the terminal until it is told to stop")
    _add_fittings(run)
    run.add_argument("--kiosk-port", type=int, metavar="N", help="port of the screen's page on this machine")
    run.set_defaults(command=_run)

    claim = commands.add_parser("claim", help="join this terminal to a cloud with a one-time code")
    claim.add_argument("code", metavar="CODE", help="as an admin reads it out: ABCD-EFGH")
    claim.add_argument("--cloud", required=True, metavar="URL", help="address of the cloud")
    claim.add_argument("--state", type=Path, help=_STATE_HELP)
    claim.add_argument("--export", type=Path, metavar="FILE", help=_EXPORT_HELP)
    claim.set_defaults(command=_claim)

    wipe = commands.add_parser("wipe", help="delete punches, people, templates, keys and identity")
    wipe.add_argument("--state", type=Path, help=_STATE_HELP)
    wipe.add_argument("--export", type=Path, metavar="FILE", help=_EXPORT_HELP)
    wipe.add_argument("--yes", action="store_true", required=True, help="it is meant")
    wipe.set_defaults(command=_wipe)

    update = commands.add_parser("update", help="install another release, then look whether all is well")
    update.add_argument("wheel", type=Path, metavar="WHEEL", help="the release; what it needs may lie beside")
    update.add_argument("--state", type=Path, help=_STATE_HELP)
    update.add_argument("--export", type=Path, metavar="FILE", help=_EXPORT_HELP)
    update.set_defaults(command=_update)

    doctor = commands.add_parser("doctor", help="is everything there? exit code 1 if not")
    _add_fittings(doctor)
    doctor.set_defaults(command=_doctor)

    add_punches_parser(commands)
    add_enrol_parser(commands)
    return parser


def _add_fittings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", type=Path, help=_STATE_HELP)
    parser.add_argument("--camera", metavar="SPEC", help='"0" to "9" a webcam, "replay:SOCKET", "none"')
    parser.add_argument("--sensor", metavar="PATH", help='serial port of the fingerprint sensor, or "none"')
    parser.add_argument("--broker-url", metavar="URL", help="instead of the one the cloud gave at the claim")


def _settings(options: argparse.Namespace) -> EdgeSettings:
    names = ("state", "camera", "sensor", "kiosk_port", "broker_url")
    return load_settings(**{name: getattr(options, name, None) for name in names})


def _run(options: argparse.Namespace) -> int:
    from edge.agent import run

    run(_settings(options))
    return 0


def _claim(options: argparse.Namespace) -> int:
    from edge.leaving import require_delivered, set_aside
    from edge.roster.cloud import Unchanged, fetch_roster
    from edge.roster.join import join
    from edge.roster.store import RosterStore
    from models.clock import SystemClock

    settings = _settings(options)
    require_delivered(settings.state, "claim it", options.export, SystemClock())
    with nullcontext() if options.export is None else set_aside(settings.state):
        identity = join(settings.state, options.cloud, options.code)
    claimed = identity.claimed
    print(f'This is terminal {claimed.terminal_id}, "{claimed.name}" at {claimed.site}.')
    # People can be enrolled before the terminal runs for the first time.
    try:
        fresh = fetch_roster(identity.cloud_url, claimed.token, "")
    except CloudUnavailable:
        print("Its people come when it runs.")
        return 0
    if not isinstance(fresh, Unchanged):
        people = RosterStore(settings.state).replace(fresh).people
        print(f"It knows {len(people)} people.")
    return 0


def _wipe(options: argparse.Namespace) -> int:
    from edge.leaving import wipe
    from models.clock import SystemClock

    state = _settings(options).state
    wiped = wipe(state, options.export, SystemClock())
    print(f"{len(wiped.names)} files and folders of {state} are gone.")
    return 0


def _update(options: argparse.Namespace) -> int:
    from edge.updating import checks, update
    from models.clock import SystemClock

    state = _settings(options).state
    update(state, options.wheel, options.export, SystemClock())
    print(f"{options.wheel.name} is installed; it now says of this terminal:", flush=True)
    return int(any(list(checks(state))))


def _doctor(options: argparse.Namespace) -> int:
    from edge.doctor import examine
    from models.clock import SystemClock

    found = []
    for finding in examine(_settings(options), SystemClock()):
        found.append(finding)
        print(f"{'ok ' if finding.is_good else 'BAD'}  {finding.subject:<12}{finding.text}", flush=True)
    return 0 if all(finding.is_good for finding in found) else 1


if __name__ == "__main__":
    sys.exit(main())
