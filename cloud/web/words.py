"""What pages say, in the reader's language. The texts are ``language/zh.toml`` and ``language/en.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from models.person import Language

_DIRECTORY = Path(__file__).parent / "language"
_ONE = "_one"
Value = str | int | float


class Words:
    """The texts of one language by key: ``words("today.people", n=3)``.

    A key with ``_one`` added, where there is one, speaks for ``n`` = 1.
    """

    def __init__(self, language: Language, texts: Mapping[str, str]) -> None:
        self.language = language
        self.texts = texts

    def __call__(self, key: str, **values: Value) -> str:
        """The text of ``key`` with its ``{places}`` filled.

        Raises:
            KeyError: there is no such text, or a value is not given.
        """
        if values.get("n") == 1 and key + _ONE in self.texts:
            key += _ONE
        text = self.texts[key]
        return text.format_map(values) if values else text

    def __contains__(self, key: str) -> bool:
        return key in self.texts


@cache
def words(language: Language) -> Words:
    """The texts of ``language``, read once."""
    with (_DIRECTORY / f"{language.value}.toml").open("rb") as file:
        return Words(language, dict(_flat(tomllib.load(file))))


def _flat(tables: Mapping[str, object], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in tables.items():
        if isinstance(value, str):
            yield above + name, value
        elif isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            raise TypeError(f"{above}{name} is no text")
