"""The engine's door: facts of one person in, results per date and per month out (rules section 6).

Pure: the same facts give the same results, whatever their order (T6).
"""

from __future__ import annotations

from datetime import date

from cloud.rules.facts import PersonFacts
from models.attendance import AttendanceDay


def judge(person: PersonFacts, first: date, last: date) -> list[AttendanceDay]:
    """The published view of every date from ``first`` to ``last``, both in, in order (M4).

    Raises:
        RefusedInput: a shift, a policy or the roster cannot be judged (V1-V4); nothing was judged.
    """
    raise NotImplementedError
