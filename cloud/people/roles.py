"""What users may do, and how long a password is."""

from __future__ import annotations

from enum import StrEnum

PASSWORD_MIN = 10


class Role(StrEnum):
    """What a user may do; see docs/reference/cli.md."""

    ADMIN = "admin"
    HR = "hr"
    MANAGER = "manager"
    STAFF = "staff"
