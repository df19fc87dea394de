"""Signing in and staying so. The token is 256 random bits; the database keeps only its hash."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, delete, insert, select, update

from cloud.db.tables import audit, sessions, users
from cloud.people.roles import Role
from cloud.reports.scope import Everyone, OnePerson, Scope, department_and_below
from models.ids import PersonId
from models.person import Language

IDLE_MS = 2 * 3_600_000
ABSOLUTE_MS = 12 * 3_600_000
_TOUCH_MS = 60_000
_TOKEN_BYTES = 32

_hasher = PasswordHasher()
# Checked when there is no such user, so that both answers take the same time.
_NOBODY = _hasher.hash(secrets.token_urlsafe(_TOKEN_BYTES))


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is looking, and whom they may see. ``stale``: the session's last use should be written down."""

    login: str
    role: Role
    language: Language
    person_id: PersonId | None
    scope: Scope
    csrf: str
    stale: bool

    @property
    def sees_everyone(self) -> bool:
        """Admins and HR."""
        return self.role in {Role.ADMIN, Role.HR}

    @property
    def sees_many(self) -> bool:
        """All but staff."""
        return self.role is not Role.STAFF


def password_fits(connection: Connection, login: str, password: str) -> bool:
    """Whether ``login`` may come in with ``password``; as slow for users that do not exist."""
    row = connection.execute(
        select(users.c.password_hash, users.c.disabled).where(users.c.login == login)
    ).one_or_none()
    try:
        fits = _hasher.verify(_NOBODY if row is None else row.password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
    return fits and row is not None and not row.disabled


def open_session(connection: Connection, login: str, now_ms: int) -> str:
    """A new session of ``login``: its token, told once. Sessions that ran out are swept away."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    connection.execute(delete(sessions).where(sessions.c.created_ms < now_ms - ABSOLUTE_MS))
    connection.execute(
        insert(sessions).values(
            token_hash=_hash(token),
            login=login,
            csrf=secrets.token_urlsafe(_TOKEN_BYTES),
            created_ms=now_ms,
            seen_ms=now_ms,
        )
    )
    connection.execute(insert(audit).values(at_ms=now_ms, actor=login, action="signed_in", target=login))
    return token


def find_viewer(connection: Connection, token: str, now_ms: int) -> Viewer | None:
    """Whose session it is, unless it ran out or the user was disabled."""
    row = connection.execute(
        select(sessions.c.csrf, sessions.c.seen_ms, users)
        .select_from(sessions.join(users, users.c.login == sessions.c.login))
        .where(
            sessions.c.token_hash == _hash(token),
            sessions.c.seen_ms >= now_ms - IDLE_MS,
            sessions.c.created_ms >= now_ms - ABSOLUTE_MS,
            users.c.disabled.is_(False),
        )
    ).one_or_none()
    if row is None:
        return None
    role = Role(row.role)
    person_id = None if row.person_id is None else PersonId(row.person_id)
    return Viewer(
        login=row.login,
        role=role,
        language=Language(row.language),
        person_id=person_id,
        scope=_scope(connection, role, row.department_id, person_id),
        csrf=row.csrf,
        stale=now_ms - row.seen_ms > _TOUCH_MS,
    )


def touch_session(connection: Connection, token: str, now_ms: int) -> None:
    """The session was used."""
    connection.execute(update(sessions).where(sessions.c.token_hash == _hash(token)).values(seen_ms=now_ms))


def close_session(connection: Connection, token: str) -> None:
    """The token opens nothing any more."""
    connection.execute(delete(sessions).where(sessions.c.token_hash == _hash(token)))


def set_language(connection: Connection, login: str, language: Language) -> None:
    """The language ``login`` reads."""
    connection.execute(update(users).where(users.c.login == login).values(language=language.value))


def _scope(
    connection: Connection, role: Role, department_id: str | None, person_id: PersonId | None
) -> Scope:
    match role:
        case Role.ADMIN | Role.HR:
            return Everyone()
        case Role.MANAGER:
            return department_and_below(connection, department_id)
        case Role.STAFF:
            return OnePerson(person_id)


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
