"""The face networks this release was tuned for, found on this machine and checked.

Their identity cards are models/networks.toml. The files come inside a package whose code is never imported.
"""

from __future__ import annotations

import hashlib
import importlib.util
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from edge.face.errors import NetworkUnavailable
from edge.face.search import Thresholds


@dataclass(frozen=True, slots=True)
class NetworkFile:
    """One network as its identity card describes it. ``carrier``: the package that ships the file."""

    network: str
    carrier: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Networks:
    """The detector and the embedder, and where the embedder's scores begin to mean somebody."""

    detector: NetworkFile
    embedder: NetworkFile
    thresholds: Thresholds


def read_cards() -> Networks:
    """The identity cards of the networks in use."""
    cards = tomllib.loads(resources.files("models").joinpath("networks.toml").read_text("utf-8"))
    by_task = {card["task"]: (network, card) for network, card in cards.items()}
    network, card = by_task["embedding"]
    return Networks(
        detector=_file(*by_task["detection"]),
        embedder=_file(network, card),
        thresholds=Thresholds(accept=float(card["threshold"]), unsure_from=float(card["unsure_from"])),
    )


def locate(network: NetworkFile) -> Path:
    """The file of ``network`` on this machine, its bytes checked.

    Raises:
        NetworkUnavailable: the carrier is not installed, lacks the file, or carries another one.
    """
    package, _, inside = network.file.partition("/")
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec is not None else None
    if not folders:
        raise NetworkUnavailable(f"{network.network}: the package {network.carrier} is not installed")
    path = Path(next(iter(folders))) / inside
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise NetworkUnavailable(
            f"{network.network}: {network.carrier} has no readable {inside} ({error.strerror})"
        ) from error
    if found != network.sha256:
        raise NetworkUnavailable(
            f"{network.network}: {path} is not the vetted file"
            f" (sha256 {found[:12]}…, not {network.sha256[:12]}…)"
        )
    return path


def _file(network: str, card: dict[str, str]) -> NetworkFile:
    return NetworkFile(network, card["carrier"], card["file"], card["sha256"])
