"""How much of a name the screen may show."""

from __future__ import annotations

from enum import StrEnum

_FIRST_CJK = "\u2e80"
"""From the CJK radicals on, a script without spaces between the parts of a name."""


class NameStyle(StrEnum):
    """The site's choice: the whole name, or just enough for its owner."""

    FULL = "full"
    INITIAL = "initial"


def shown(name: str, style: NameStyle) -> str:
    """``name`` as the screen shows it: 李雷 is 李*, Li Lei is L* L*."""
    whole = " ".join(name.split())
    if style is NameStyle.FULL or not whole:
        return whole
    if whole[0] >= _FIRST_CJK:
        return whole[0] + "*"
    return " ".join(part[0] + "*" for part in whole.split(" "))
