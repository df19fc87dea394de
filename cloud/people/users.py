"""Who may use the service: people with a password, programs with a token."""

from __future__ import annotations

import secrets
from hashlib import sha256

from argon2 import PasswordHasher
from sqlalchemy import Connection, select

from cloud.db.tables import api_tokens, users
from cloud.db.upsert import insert
from cloud.errors import CloudError
from cloud.people.roles import PASSWORD_MIN, Role

_TOKEN_BYTES = 32
_hasher = PasswordHasher()


class WeakPassword(CloudError):
    """The password is too short to keep anybody out."""


def add_user(connection: Connection, login: str, password: str, role: Role) -> bool:
    """Let ``login`` in with ``password``; True if the user is new, else password and role are changed.

    Raises:
        WeakPassword: shorter than ``PASSWORD_MIN`` characters.
    """
    if len(password) < PASSWORD_MIN:
        raise WeakPassword(f"a password has at least {PASSWORD_MIN} characters")
    values = {"password_hash": _hasher.hash(password), "role": role.value, "disabled": False}
    new = connection.execute(select(users.c.login).where(users.c.login == login)).first() is None
    connection.execute(
        insert(connection, users)
        .values(login=login, **values)
        .on_conflict_do_update(index_elements=["login"], set_=values)
    )
    return new


def issue_token(connection: Connection, name: str, now_ms: int) -> str:
    """A new bearer token for the API; one that had this name stops working."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    values = {"token_hash": _token_hash(token), "created_ms": now_ms}
    connection.execute(
        insert(connection, api_tokens)
        .values(name=name, **values)
        .on_conflict_do_update(index_elements=["name"], set_=values)
    )
    return token


def token_name(connection: Connection, token: str) -> str | None:
    """The name of a valid token."""
    return connection.execute(
        select(api_tokens.c.name).where(api_tokens.c.token_hash == _token_hash(token))
    ).scalar_one_or_none()


def _token_hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
