"""The reference pages of the command line, the settings and the HTTP interface, made from what they describe.

``python -m cloud.commands.reference`` writes them into docs/reference.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from fastapi import FastAPI

from cloud.cli import build_parser
from cloud.settings import ENV_PREFIX, Settings

DIRECTORY = Path(__file__).parents[2] / "docs" / "reference"

_CLI = """# The command line of the cloud

`kaoqin-cloud COMMAND`. Exit code 0: done; 1: done, but a row was refused, a case differs or somebody
could not be judged; 2: could not be done, and standard error says why in one sentence. Logs are on
standard error, answers on standard output. Settings can also come from the environment or a file:
[settings.md](settings.md).

Roles of users: `admin` everything; `hr` everybody's days and records; `manager` their department;
`staff` themselves.

Files for `import` are CSV (UTF-8 or GB 18030; comma, semicolon or tab) or the first sheet of a
workbook. The first line names the columns, in Chinese or English. `from` and `to` say the unit by how
they are written: `2026-11-18` a day, `2026-11-18 am` (上午) half a day, `2026-11-18 14:00` a moment. The
same file taken twice changes nothing.

| kind | columns; those in bold must be there |
| --- | --- |
"""

_SETTINGS = f"""# Settings of the cloud

The command line wins over the environment, the environment over the file given with `--config`. In the
environment a name has the prefix `{ENV_PREFIX}`; in the TOML file it stands as it is.

| setting | environment | default | meaning |
| --- | --- | --- | --- |
"""

_HTTP = """# HTTP interface of the cloud

JSON; the machine-readable description is at `/openapi.json`. Programs send `Authorization: Bearer
TOKEN` with a token of `kaoqin-cloud user token NAME`, terminals with the secret they got when they were
claimed. Moments have an offset, `from` is included and `to`, for moments, is not. Errors are
`application/problem+json` (RFC 9457) with a stable `code`.

| method and path | does | who |
| --- | --- | --- |
"""


def cli_page() -> str:
    """docs/reference/cli.md."""
    from cloud.office.imports import COLUMNS
    from cloud.office.plans import CALENDAR_COLUMNS, ROSTER_COLUMNS
    from cloud.people.imports import COLUMNS as PEOPLE_COLUMNS

    kinds = {"people": PEOPLE_COLUMNS, **{kind.value: columns for kind, columns in COLUMNS.items()}}
    kinds |= {"calendar": CALENDAR_COLUMNS, "roster": ROSTER_COLUMNS}
    text = _CLI
    for kind, columns in kinds.items():
        names = (f"**{one.name}**" if one.required else one.name for one in columns)
        words = (f"{name} ({one.aliases[0]})" for name, one in zip(names, columns, strict=True))
        text += f"| {kind} | {', '.join(words)} |\n"
    for name, parser in _commands(build_parser(), "kaoqin-cloud"):
        text += f"\n## {name}\n\n{_help(parser)}\n\n```\n{' '.join((name, *_usage(parser)))}\n```\n"
    return text


def settings_page() -> str:
    """docs/reference/settings.md."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = "empty" if field.default in {"", None} else f"`{field.default}`"
        rows.append(f"| `{name}` | `{ENV_PREFIX}{name.upper()}` | {default} | {field.description} |\n")
    return _SETTINGS + "".join(rows)


def http_page(app: FastAPI) -> str:
    """docs/reference/http.md."""
    rows = []
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            who = {scheme for one in operation.get("security", []) for scheme in one}
            named = _named(operation.get("parameters", ()))
            query = f"?{'&'.join(named)}" if named else ""
            asked = "token" if "HTTPBearer" in who else "terminal" if "TerminalToken" in who else _open(path)
            summary = operation.get("summary", "")
            rows.append(f"| `{method.upper()} {path}{query}` | {summary} | {asked} |\n")
    return _HTTP + "".join(sorted(rows, key=lambda row: row.split("`")[1].split()[1]))


def _named(parameters: Iterable[Mapping[str, str]]) -> list[str]:
    return [one["name"] for one in parameters if one["in"] == "query"]


def _open(path: str) -> str:
    return "token or session" if path.startswith("/api/") else "anybody"


def _commands(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    groups = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]  # noqa: SLF001  argparse has no public way to walk itself
    for group in groups:
        for word, child in group.choices.items():
            yield from _commands(child, f"{name} {word}")
    if not groups:
        yield name, parser


def _usage(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:  # noqa: SLF001  argparse has no public way to walk itself
        if action.dest == "help":
            continue
        choices = "|".join(map(str, action.choices)) if action.choices else None
        value = choices or str(action.metavar or action.dest.upper())
        if not action.option_strings:
            yield f"{value} ..." if action.nargs == "+" else value
            continue
        option = action.option_strings[0] + ("" if action.nargs == 0 else f" {value}")
        yield option if action.required else f"[{option}]"


def _help(parser: argparse.ArgumentParser) -> str:
    about = parser.description or ""
    lines = [f"{about[:1].upper()}{about[1:]}."]
    for action in parser._actions:  # noqa: SLF001  argparse has no public way to walk itself
        if action.help and action.dest not in {"help", "config", "state", "database_url"}:
            name = ", ".join(action.option_strings) or action.metavar or action.dest
            lines.append(f"- `{name}`: {action.help}")
    return "\n\n".join((lines[0], "\n".join(lines[1:]))) if len(lines) > 1 else lines[0]


def main() -> None:
    """Write the pages."""
    import tempfile

    from cloud.app import Service, application
    from models.clock import SystemClock

    with tempfile.TemporaryDirectory() as directory:
        service = Service(Settings(state=Path(directory), broker_url="mqtt://127.0.0.1"), SystemClock())
        pages = {
            "cli.md": cli_page(),
            "settings.md": settings_page(),
            "http.md": http_page(application(service)),
        }
        service.database.close()
    for name, text in pages.items():
        (DIRECTORY / name).write_text(text)
    sys.stdout.write(f"wrote {', '.join(pages)}\n")


if __name__ == "__main__":
    main()
