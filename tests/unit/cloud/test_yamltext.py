"""What is no plain data is told with its line, whatever somebody uploads; nothing is ever run into."""

from __future__ import annotations

import pytest

from cloud.yamltext import BadYaml, compose, plain

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def read(text: str) -> object:
    root = compose(text)
    assert root is not None
    return plain(root)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: 1\nb: " + "[" * 100_000 + "]" * 100_000, 2, "is nested deeper than 100"),
        ("- " * 50_000 + "a", 1, "is nested deeper than 100"),
        ("a: 1\nb: &b [*b]", 2, "is nested deeper than 100"),
        ("a: 1\nb: &b\n  c: *b", 2, "is nested deeper than 100"),
        ("a: 1\nb: " + "9" * 5_000, 2, "999999999999999999… is beyond all bounds"),
        ("a: 1e999", 1, "1e999… is beyond all bounds"),
        ("a: 1\na: 2", 2, "key 'a' stands twice"),
        ("a: 1\n[b]: 2", 2, "a key is no text"),
        ("a: *nobody", 1, "is no YAML: found undefined alias"),
        ("a:\n\t- b", 2, "is no YAML: found character that cannot start any token"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_cannot_be_read_is_told(text: str, line: int, what: str):
    with pytest.raises(BadYaml) as bad:
        read(text)

    assert (bad.value.line, bad.value.what) == (line, what)


def test_aliases_cannot_blow_a_text_up():
    with pytest.raises(BadYaml, match="aliases make it too large"):
        read(BOMB)


def test_an_alias_says_the_same_again():
    assert read("a: &a [1, 2]\nb: *a\n") == {"a": [1, 2], "b": [1, 2]}


def test_numbers_and_depths_that_people_write_are_taken():
    assert read("a: 999999999999999999\nb: 0.5\nc: " + "[" * 99 + "]" * 99)
