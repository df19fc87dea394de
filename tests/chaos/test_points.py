from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from models import crashpoint
from tests.chaos import points

ROOT = Path(__file__).parents[2]


def named_in_the_code() -> Iterator[str]:
    for side in ("edge", "cloud"):
        for path in sorted((ROOT / side).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and node.func.id == "crashpoint"
                ):
                    assert isinstance(node.args[0], ast.Constant), (
                        f"{path}:{node.lineno}: a point has one name"
                    )
                    yield str(node.args[0].value)


def test_every_point_is_in_the_code_once_and_known_here():
    assert sorted(named_in_the_code()) == sorted(points.ALL)


def test_an_unarmed_point_does_nothing_and_an_armed_one_says_its_name():
    reached: list[str] = []
    crashpoint.crashpoint("before")
    crashpoint.arm(reached.append)
    try:
        crashpoint.crashpoint("during")
    finally:
        crashpoint.arm(None)
    crashpoint.crashpoint("after")

    assert reached == ["during"]


def test_nothing_of_the_product_arms_a_point():
    armed = [
        path
        for side in ("models", "edge", "cloud", "firmware_bridge")
        for path in (ROOT / side).rglob("*.py")
        if path.name != "crashpoint.py" and "crashpoint.arm" in path.read_text()
    ]

    assert not armed
