"""Which release this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def app_version() -> str:
    """The version of the installed distribution."""
    try:
        return version("kaoqin")
    except PackageNotFoundError:
        return ""
