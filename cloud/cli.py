"""``kaoqin-cloud``: reads the command line, says in one sentence what went wrong, and exits.

Exit codes: 0 done, 1 done but something was refused or differs, 2 could not be done.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cloud.commands.console import complain
from cloud.commands.kinds import IMPORTED
from cloud.errors import CloudError
from cloud.people.roles import PASSWORD_MIN, Role
from cloud.reports.dates import Month, parse_month
from cloud.sheets import day
from models.clock import Clock, SystemClock
from models.person import Language

if TYPE_CHECKING:  # a command starts as fast as what it needs is imported: here nothing is
    from cloud.commands.access import Access
    from cloud.commands.period import Periods
    from cloud.commands.policy import PolicyFiles
    from cloud.db.engine import Database
    from cloud.settings import Settings

Run = Callable[[argparse.Namespace, "Settings", Clock], int]

_COULD_NOT = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    arguments = build_parser().parse_args(argv)
    try:
        return _run(arguments)
    except CloudError as error:
        complain(f"kaoqin-cloud: {error}")
    except KeyboardInterrupt:
        complain("kaoqin-cloud: interrupted")
    return _COULD_NOT


def _run(arguments: argparse.Namespace) -> int:
    from sqlalchemy.exc import DBAPIError

    from cloud.settings import load

    settings = load(
        arguments.config,
        state=arguments.state,
        database_url=arguments.database_url,
        host=getattr(arguments, "host", None),
        port=getattr(arguments, "port", None),
        broker_url=getattr(arguments, "broker_url", None),
    )
    run: Run = arguments.run
    try:
        return run(arguments, settings, SystemClock())
    except DBAPIError as error:
        raise CloudError(f"the database does not work: {error.orig}") from error


@contextmanager
def _database(settings: Settings, clock: Clock) -> Iterator[Database]:
    from cloud.database import open_database

    database = open_database(settings, clock)
    try:
        yield database
    finally:
        database.close()


def build_parser() -> argparse.ArgumentParser:
    """The command line; docs/reference/cli.md is made from it."""
    parser = argparse.ArgumentParser(prog="kaoqin-cloud", description="The cloud service of Kaoqin.")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML")
    shared.add_argument("--state", type=Path, metavar="DIR", help="directory of the SQLite database")
    shared.add_argument("--database-url", metavar="URL", help="another database")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _service_commands(commands, shared)
    _import_command(commands, shared)
    _recompute_command(commands, shared)
    _export_command(commands, shared)
    _where_command(commands, shared)
    _quarantine_command(commands, shared)
    _policy_commands(commands, shared)
    _period_commands(commands, shared)
    _cases_command(commands)
    _user_commands(commands, shared)
    _terminal_commands(commands, shared)
    _broker_commands(commands, shared)
    return parser


Commands = argparse._SubParsersAction  # noqa: SLF001  the type has no public name


def _command(
    commands: Commands[argparse.ArgumentParser],
    name: str,
    about: str,
    parents: Sequence[argparse.ArgumentParser] = (),
) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=about, description=about, parents=parents)


def _service_commands(commands: Commands[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    serve = _command(commands, "serve", "run the service until it is told to stop", [shared])
    serve.add_argument("--host", help="address to serve on (127.0.0.1)")
    serve.add_argument("--port", type=int, help="port to serve on (8080; 0: any free one)")
    serve.add_argument("--broker-url", metavar="URL", help="embedded://, mqtt:// or mqtts://")
    serve.set_defaults(run=_serve)
    ingest = _command(commands, "ingest", "only take punches, beside a service", [shared])
    ingest.add_argument("--broker-url", metavar="URL", help="mqtt:// or mqtts://")
    ingest.set_defaults(run=_ingest)
    migrate = _command(commands, "migrate", "bring the database to this release", [shared])
    migrate.set_defaults(run=_migrate)


def _user_commands(commands: Commands[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    user = _command(commands, "user", "people and programs that may use the service")
    kinds = user.add_subparsers(metavar="ACTION", required=True)
    add = _command(kinds, "add", "add a user, or change password and role", [shared])
    add.add_argument("login")
    add.add_argument("--role", type=Role, choices=list(Role), required=True)
    add.add_argument(
        "--password-stdin",
        action="store_true",
        help=f"read the password ({PASSWORD_MIN} characters or more) from standard input",
    )
    add.set_defaults(
        run=_on_database(lambda a, access: access.user_add(a.login, a.role, from_stdin=a.password_stdin))
    )
    token = _command(kinds, "token", "print a new API token", [shared])
    token.add_argument("name")
    token.set_defaults(run=_on_database(lambda a, access: access.user_token(a.name)))


def _terminal_commands(commands: Commands[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    terminal = _command(commands, "terminal", "the doors")
    kinds = terminal.add_subparsers(metavar="ACTION", required=True)
    add = _command(kinds, "add", "print a one-time code to claim a terminal with", [shared])
    add.add_argument("name")
    add.add_argument("--site", required=True)
    add.add_argument("--replace", action="store_true", help="in place of the terminal of this name")
    add.set_defaults(
        run=_on_database(lambda a, access: access.terminal_add(a.name, a.site, replace=a.replace))
    )
    listing = _command(kinds, "list", "a line a terminal", [shared])
    listing.add_argument("--json", action="store_true", help="JSON lines")
    listing.set_defaults(run=_on_database(lambda a, access: access.terminal_list(as_json=a.json)))
    revoke = _command(kinds, "revoke", "shut a terminal out; its punches stay", [shared])
    revoke.add_argument("name", help="name or id")
    revoke.set_defaults(run=_revoke)


def _broker_commands(commands: Commands[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    broker = _command(commands, "broker", "a mosquitto of this site's own")
    kinds = broker.add_subparsers(metavar="ACTION", required=True)
    about = "write its configuration, access rules, keys and revocations; certificates are made anew"
    config = _command(kinds, "config", about, [shared])
    config.add_argument("--out", type=Path, metavar="DIR", help="where to (broker in the state directory)")
    config.add_argument(
        "--host",
        action="append",
        default=[],
        metavar="NAME",
        dest="hosts",
        help="name or address at which terminals reach it; may be repeated (the name of this machine)",
    )
    config.add_argument("--port", type=int, default=8883, dest="broker_port", help="for terminals (8883)")
    config.add_argument("--worker-port", type=int, default=8884, help="for the service (8884)")
    config.add_argument(
        "--worker-address",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where it listens for it (127.0.0.1)",
    )
    config.set_defaults(run=_broker_config)


def _broker_config(arguments: argparse.Namespace, settings: Settings, clock: Clock) -> int:
    from cloud.commands.brokering import Broker
    from cloud.terminals.brokerfiles import Listening

    listening = Listening(
        arguments.hosts, arguments.broker_port, arguments.worker_port, arguments.worker_address
    )
    with _database(settings, clock) as database:
        return Broker(database, settings, clock).config(arguments.out, listening)


def _revoke(arguments: argparse.Namespace, settings: Settings, clock: Clock) -> int:
    from cloud.commands.access import Access
    from cloud.commands.brokering import Broker

    with _database(settings, clock) as database:
        code = Access(database, clock).terminal_revoke(arguments.name)
        is_told = code != 0 or Broker(database, settings, clock).refresh()
        return code if is_told else 1


def _serve(_arguments: argparse.Namespace, settings: Settings, clock: Clock) -> int:
    from cloud.commands.serve import serve

    return serve(settings, clock)


def _ingest(_arguments: argparse.Namespace, settings: Settings, clock: Clock) -> int:
    from cloud.commands.serve import ingest

    return ingest(settings, clock)


def _migrate(_arguments: argparse.Namespace, settings: Settings, clock: Clock) -> int:
    from cloud.commands.serve import bring_up_to_date

    return bring_up_to_date(settings, clock)


def _import_command(commands: Commands[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    parser = _command(
        commands, "import", "take a file of the office: a verdict per row, good rows are kept", [shared]
    )
    parser.add_argument("kind", choices=IMPORTED)
    parser.add_argument("file", type=Path, help="CSV, or the first sheet of a workbook")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=_import)


def _import(arguments: argparse.Namespace, settings: Settings, clock: Clock) -> int:
    from cloud.attendance.facts import AsOf
    from cloud.commands.importing import import_file

    view = AsOf(clock.wall_ms(), settings.tzinfo)
    with _database(settings, clock) as database:
        return import_file(
            database, arguments.kind, arguments.file, view, dry_run=arguments.dry_run, as_json=arguments.json
        )


def _recompute_command(commands: Commands[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    parser = _command(commands, "recompute", "judge days again, from the facts alone", [shared])
    parser.add_argument("--from", dest="first", type=_date, required=True, metavar="DATE")
    parser.add_argument("--to", dest="last", type=_date, required=True, metavar="DATE", help="included")
    parser.add_argument("--person", metavar="NUMBER", help="only this employee number")
    parser.add_argument("--dry-run", action="store_true", help="say which days would differ, and how")
    parser.set_defaults(run=_recompute)


def _recompute(arguments: argparse.Namespace, settings: Settings, clock: Clock) -> int:
    from cloud.attendance.facts import AsOf
    from cloud.commands.recompute import Asked, recompute

    asked = Asked(arguments.first, arguments.last, arguments.person, arguments.dry_run)
    with _database(settings, clock) as database:
        return recompute(database, asked, AsOf(clock.wall_ms(), settings.tzinfo))


def _date(text: str) -> date:
    try:
        return day(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _export_command(commands: Commands[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    parser = _command(commands, "export", "write the month report of everybody", [shared])
    parser.add_argument("month", type=_month, metavar="YYYY-MM")
    parser.add_argument("file", type=Path, help="ends in .xlsx, .csv or .json")
    parser.add_argument("--language", type=Language, choices=list(Language), default=Language.ZH)
    parser.set_defaults(run=_export)


def _export(arguments: argparse.Namespace, settings: Settings, clock: Clock) -> int:
    from cloud.attendance.facts import AsOf
    from cloud.commands.exporting import export_month

    view = AsOf(clock.wall_ms(), settings.tzinfo)
    with _database(settings, clock) as database:
        return export_month(database, arguments.month, arguments.file, arguments.language, view)


def _where_command(commands: Commands[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    about = "say where a punch is: made, received, judged, or where it stopped; 1 if it was not judged"
    parser = _command(commands, "where", about, [shared])
    parser.add_argument("person", help="employee number or person id")
    parser.add_argument("time", type=_time, help="like 2026-11-18T09:05, local if without offset")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=_where)


def _where(arguments: argparse.Namespace, settings: Settings, clock: Clock) -> int:
    from cloud.commands.where import show_where

    with _database(settings, clock) as database:
        return show_where(database, arguments.person, arguments.time, settings.tzinfo, as_json=arguments.json)


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time like 2026-11-18T09:05") from error


def _quarantine_command(commands: Commands[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    parser = _command(
        commands, "quarantine", "list input that was put aside, and gaps, newest first", [shared]
    )
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="at most N lines of each (50)")
    parser.add_argument("--json", action="store_true", help="JSON lines")
    parser.set_defaults(run=_quarantine)


def _quarantine(arguments: argparse.Namespace, settings: Settings, clock: Clock) -> int:
    from cloud.commands.quarantine import list_quarantine

    with _database(settings, clock) as database:
        return list_quarantine(database, arguments.limit, settings.tzinfo, as_json=arguments.json)


def _month(text: str) -> Month:
    month = parse_month(text)
    if month is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no month like 2026-11")
    return month


def _policy_commands(commands: Commands[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    policy = _command(commands, "policy", "rules files: shifts, policy, week and calendar of a group")
    kinds = policy.add_subparsers(metavar="ACTION", required=True)
    lint = _command(kinds, "lint", "say what is wrong with a file, by line; 1 if it has an error", [shared])
    lint.add_argument("file", type=Path)
    lint.add_argument("--json", action="store_true", help="one JSON list")
    lint.set_defaults(run=_on_rules(lambda a, rules: rules.lint(a.file, as_json=a.json)))
    show = _command(kinds, "show", "print the rules of a group as a file", [shared])
    show.add_argument("--group", metavar="NAME", help="name or id (the default group)")
    show.set_defaults(run=_on_rules(lambda a, rules: rules.show(a.group)))
    trial = _command(kinds, "what-if", "list the days of a month that a file would change", [shared])
    trial.add_argument("file", type=Path)
    trial.add_argument("--month", type=_month, required=True, metavar="YYYY-MM")
    trial.add_argument("--json", action="store_true", help="one JSON object")
    trial.set_defaults(run=_on_rules(lambda a, rules: rules.what_if(a.file, a.month, as_json=a.json)))
    take = _command(kinds, "import", "put a file in force; days it touches are judged again", [shared])
    take.add_argument("file", type=Path)
    take.add_argument("--dry-run", action="store_true", help="say what would be done")
    take.set_defaults(run=_on_rules(lambda a, rules: rules.import_file(a.file, dry_run=a.dry_run)))


def _period_commands(commands: Commands[argparse.ArgumentParser], shared: argparse.ArgumentParser) -> None:
    period = _command(commands, "period", "months that are closed")
    kinds = period.add_subparsers(metavar="ACTION", required=True)
    listing = _command(kinds, "list", "a line a month, newest first", [shared])
    listing.set_defaults(run=_on_periods(lambda _a, periods: periods.list_all()))
    about = {
        "close": "freeze the results of a month; 1 if it stays open, and why",
        "reopen": "let the results of a closed month follow new facts again",
        "adjustments": "list what became known of earlier, closed months",
        "verify": "count the hash of a closed month again; 1 if it differs",
    }
    acts: dict[str, Callable[[argparse.Namespace, Periods], int]] = {
        "close": lambda a, periods: periods.close(a.month),
        "reopen": lambda a, periods: periods.reopen(a.month, a.reason),
        "adjustments": lambda a, periods: periods.adjustments(a.month),
        "verify": lambda a, periods: periods.verify(a.month),
    }
    for name, act in acts.items():
        one = _command(kinds, name, about[name], [shared])
        one.add_argument("month", type=_month, metavar="YYYY-MM")
        if name == "reopen":
            one.add_argument("--reason", required=True, metavar="TEXT", help="kept for the record")
        one.set_defaults(run=_on_periods(act))


def _on_periods(act: Callable[[argparse.Namespace, Periods], int]) -> Run:
    """The command that does ``act`` on the months of the opened database."""

    def run(arguments: argparse.Namespace, settings: Settings, clock: Clock) -> int:
        from cloud.commands.period import Periods

        with _database(settings, clock) as database:
            return act(arguments, Periods(database, clock, settings.tzinfo))

    return run


def _on_rules(act: Callable[[argparse.Namespace, PolicyFiles], int]) -> Run:
    """The command that does ``act`` on the rules of the opened database."""

    def run(arguments: argparse.Namespace, settings: Settings, clock: Clock) -> int:
        from cloud.attendance.facts import AsOf
        from cloud.commands.policy import PolicyFiles

        with _database(settings, clock) as database:
            return act(arguments, PolicyFiles(database, AsOf(clock.wall_ms(), settings.tzinfo)))

    return run


def _cases_command(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "cases", "run rule case files; 1 if any result differs")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="each case's full results")
    parser.set_defaults(run=_cases, config=None, state=None, database_url=None)


def _cases(arguments: argparse.Namespace, _settings: Settings, _clock: Clock) -> int:
    from cloud.conformance import run

    return run(arguments.files, json=arguments.json)


def _on_database(act: Callable[[argparse.Namespace, Access], int]) -> Run:
    """The command that does ``act`` on the opened database."""

    def run(arguments: argparse.Namespace, settings: Settings, clock: Clock) -> int:
        from cloud.commands.access import Access

        with _database(settings, clock) as database:
            return act(arguments, Access(database, clock))

    return run


if __name__ == "__main__":
    sys.exit(main())
