"""``user`` and ``terminal``: who and what may come in."""

from __future__ import annotations

import getpass
import json
import sys
from dataclasses import dataclass

from cloud.commands.console import complain, say
from cloud.db.engine import Database
from cloud.people.roles import Role
from cloud.people.users import add_user, issue_token
from cloud.terminals.claim import issue_code
from cloud.terminals.fleet import Terminal, all_terminals, revoke
from models.clock import Clock, from_ms


@dataclass(frozen=True, slots=True)
class Access:
    """The commands, on one database."""

    database: Database
    clock: Clock

    def user_add(self, login: str, role: Role, *, from_stdin: bool) -> int:
        """Add a user or set the password and role of one."""
        password = sys.stdin.readline().rstrip("\n") if from_stdin else _ask_password()
        if password is None:
            complain("the two passwords differ; nothing was changed")
            return 1
        with self.database.write() as connection:
            new = add_user(connection, login, password, role)
        say(f"{'added' if new else 'changed'} {login} ({role})")
        return 0

    def user_token(self, name: str) -> int:
        """Print a new API token; it is shown only now."""
        with self.database.write() as connection:
            token = issue_token(connection, name, self.clock.wall_ms())
        say(token)
        return 0

    def terminal_add(self, name: str, site: str, *, replace: bool) -> int:
        """Print the one-time code."""
        with self.database.write() as connection:
            code = issue_code(connection, name, site, self.clock.wall_ms(), replace=replace)
        say(code)
        complain(f"Type this code on the terminal {name} within ten minutes.")
        return 0

    def terminal_list(self, *, as_json: bool) -> int:
        """A line a terminal."""
        with self.database.read() as connection:
            terminals = all_terminals(connection)
        for one in terminals:
            say(json.dumps(_facts(one), ensure_ascii=False) if as_json else _line(one))
        return 0

    def terminal_revoke(self, name_or_id: str) -> int:
        """Shut a terminal out."""
        with self.database.write() as connection:
            gone = revoke(connection, name_or_id, self.clock.wall_ms())
        if not gone:
            complain(f"no terminal in use is called {name_or_id}")
            return 1
        say(f"revoked {name_or_id}; its punches stay")
        return 0


def _ask_password() -> str | None:
    password = getpass.getpass("Password: ")
    return password if getpass.getpass("Again: ") == password else None


def _facts(one: Terminal) -> dict[str, object]:
    return {
        "terminal_id": one.terminal_id,
        "name": one.name,
        "site": one.site,
        "online": one.online,
        "last_seen": from_ms(one.last_seen_ms).isoformat() if one.last_seen_ms else None,
        "complete_until": from_ms(one.watermark_ms).isoformat() if one.watermark_ms else None,
        "missing": one.missing,
        "waiting": one.state.waiting if one.state else None,
        "app_version": one.state.app_version if one.state else None,
    }


def _line(one: Terminal) -> str:
    seen = from_ms(one.last_seen_ms).isoformat(timespec="seconds") if one.last_seen_ms else "never"
    state = "online" if one.online else "offline"
    return f"{one.terminal_id}  {one.name}  {one.site}  {state}  last seen {seen}  missing {one.missing}"
