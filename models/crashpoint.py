"""Named places where a process may die in a test: between a step that is durable and the next.

``crashpoint("punch_committed")`` costs one comparison and does nothing, unless a test has armed it. Nothing
that is installed at a site arms it: no setting, no variable. The pure cores hold none; only the code that
carries their effects out does. See docs/decisions/0011.
"""

from __future__ import annotations

from collections.abc import Callable

_on_reach: Callable[[str], None] | None = None


def crashpoint(name: str) -> None:
    """Say that the step called ``name`` was reached; an armed test may end the process here, or raise."""
    if _on_reach is not None:
        _on_reach(name)


def arm(on_reach: Callable[[str], None] | None) -> None:
    """Have ``on_reach`` called with the name of every point that is reached; None: nothing is, again."""
    global _on_reach  # noqa: PLW0603 - one process, one test
    _on_reach = on_reach
