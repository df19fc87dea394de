"""``kaoqin-bridge``: look at a sensor, enrol a finger, list its library, or be a sensor."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from firmware_bridge.deadline import Clock, Deadline, MonotonicClock
from firmware_bridge.errors import BridgeError
from firmware_bridge.profiles import PROFILES, R307

_PURPOSE = "Look at a fingerprint sensor, enrol a finger, list its library, or be a sensor."
_DONE = 0
_TROUBLE = 1
_WRONG_USE = 2
_INTERRUPTED = 128 + signal.SIGINT
_MAX_PASSWORD = 0xFFFF_FFFF


def main(argv: list[str] | None = None) -> int:
    """Run one command: 0 done; 1 trouble, said in one sentence on stderr; 2 wrong use."""
    arguments = _parser().parse_args(argv)
    clock = MonotonicClock()
    lines = _emulate(arguments, clock) if arguments.command == "emulate" else _ask(arguments, clock)
    try:
        for line in lines:
            print(line, flush=True)
    except ValueError as error:
        print(f"kaoqin-bridge: {error}", file=sys.stderr)
        return _WRONG_USE
    except (BridgeError, OSError) as error:
        print(f"kaoqin-bridge: {error}", file=sys.stderr)
        return _TROUBLE
    except KeyboardInterrupt:
        return _INTERRUPTED
    return _DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kaoqin-bridge", description=_PURPOSE)
    commands = parser.add_subparsers(dest="command", required=True)
    profile = argparse.ArgumentParser(add_help=False)
    profile.add_argument("--profile", choices=PROFILES, default=R307.name, help="model of the sensor")
    port = argparse.ArgumentParser(add_help=False, parents=[profile])
    port.add_argument("port", type=Path, help="serial port, for example /dev/serial0")
    port.add_argument(
        "--password-file", type=Path, metavar="FILE", help="holds the password in hexadecimal; default: 0"
    )

    probe = commands.add_parser("probe", parents=[port], help="what the sensor is and holds")
    probe.add_argument("--json", action="store_true", help="one JSON object")

    enrol = commands.add_parser("enrol", parents=[port], help="enrol one finger in two presses")
    enrol.add_argument("--slot", type=int, help="default: the lowest free one")
    enrol.add_argument("--timeout", type=int, default=60, metavar="S", help="give up after S seconds")

    dump = commands.add_parser("dump", parents=[port], help="list the occupied slots")
    dump.add_argument(
        "--templates", type=Path, metavar="FILE", help="also write the templates, readable by you alone"
    )

    emulate = commands.add_parser("emulate", parents=[profile], help="be a sensor on a pseudo-terminal")
    emulate.add_argument("--link", type=Path, required=True, help="where the port appears")
    emulate.add_argument("--library", type=Path, metavar="DIR", help="keeps the templates; default: memory")
    emulate.add_argument(
        "--control", type=Path, metavar="SOCKET", help="takes presses and faults as JSON lines"
    )
    emulate.add_argument("--faults", metavar="NAME[@N],...", help="strike every Nth answer, or every 10th")
    return parser


def _ask(arguments: argparse.Namespace, clock: Clock) -> Iterator[str]:
    # The host's side brings pyfingerprint and Pillow along, which the emulator has no use for.
    from firmware_bridge import commands
    from firmware_bridge.sensor import open_sensor

    profile = PROFILES[arguments.profile]
    with open_sensor(arguments.port, clock, profile=profile, password=_password(arguments)) as sensor:
        match arguments.command:
            case "probe":
                yield from commands.probe(sensor, as_json=arguments.json)
            case "enrol":
                yield from commands.enrol(sensor, arguments.slot, Deadline(clock, arguments.timeout * 1000))
            case _:
                yield from commands.dump(sensor, arguments.templates)


def _emulate(arguments: argparse.Namespace, clock: Clock) -> Iterator[str]:
    from firmware_bridge.emulator.faults import FaultPlan, parse
    from firmware_bridge.emulator.library import Library
    from firmware_bridge.emulator.peer import Peer
    from firmware_bridge.emulator.sensor import EmulatedSensor

    profile = PROFILES[arguments.profile]
    faults = FaultPlan(parse(arguments.faults) if arguments.faults else {})
    library = Library(arguments.library, capacity=profile.capacity, template_bytes=profile.template_bytes)
    with contextlib.closing(library):
        sensor = EmulatedSensor(profile, library, clock)
        peer = Peer(sensor, faults, clock, link=arguments.link, control=arguments.control)
        with contextlib.closing(peer):
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: peer.stop())
            yield f"ready {arguments.link}"
            peer.run()


def _password(arguments: argparse.Namespace) -> int:
    if arguments.password_file is None:
        return 0
    try:
        password = int(arguments.password_file.read_text().strip(), 16)
    except ValueError:
        password = -1
    if not 0 <= password <= _MAX_PASSWORD:
        raise ValueError(f"{arguments.password_file} does not hold up to 8 hexadecimal digits")
    return password
