"""The whole result of every case, explanation included, as last reviewed: a line a case in ``results.jsonl``.

A case says what its rule is about; what else its days hold is kept here, so that a change of the engine shows
all that it changes. After such a change: ``python -m tests.golden.rules.results``, and read what differs.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from cloud.conformance import WrittenCase, written

HERE = Path(__file__).parent
FILE = HERE / "results.jsonl"


@cache
def cases() -> tuple[WrittenCase, ...]:
    """Every case of the suite."""
    return tuple(case for file in sorted(HERE.glob("*.yaml")) for case in written(file))


@cache
def reviewed() -> dict[str, Any]:
    """Results by case id."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return {result["id"]: result for result in map(json.loads, lines)}


def main() -> None:
    """Write the results of today."""
    lines = [json.dumps(case.run().plain(), ensure_ascii=False, sort_keys=True) for case in cases()]
    FILE.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
