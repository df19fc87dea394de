from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from edge.face.errors import NetworkUnavailable
from edge.face.networks import NetworkFile, locate, read_cards


def test_the_cards_name_a_detector_and_an_embedder_with_its_thresholds():
    cards = read_cards()

    assert cards.detector.network.startswith("yunet")
    assert cards.embedder.network.startswith("sface")
    assert 0 < cards.thresholds.unsure_from < cards.thresholds.accept < 1


def test_both_networks_are_installed_and_vetted():
    cards = read_cards()

    assert locate(cards.detector).is_file()
    assert locate(cards.embedder).is_file()


@pytest.fixture
def carrier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "carrier_of_nets"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('the code of a carrier is never run')")
    monkeypatch.syspath_prepend(tmp_path)
    return package


def card(sha256: str) -> NetworkFile:
    return NetworkFile("net-1", "carrier-of-nets==1", "carrier_of_nets/models/net.onnx", sha256)


def test_the_carrier_is_found_without_running_it(carrier: Path):
    (carrier / "models" / "net.onnx").write_bytes(b"weights")

    assert locate(card(hashlib.sha256(b"weights").hexdigest())) == carrier / "models" / "net.onnx"


def test_one_changed_byte_is_another_file(carrier: Path):
    vetted = read_cards().detector
    weights = bytearray(locate(vetted).read_bytes())
    weights[len(weights) // 2] ^= 1
    (carrier / "models" / "net.onnx").write_bytes(weights)

    with pytest.raises(NetworkUnavailable, match="not the vetted file"):
        locate(card(vetted.sha256))


def test_a_missing_file_and_a_missing_package_are_told_apart(carrier: Path):
    with pytest.raises(NetworkUnavailable, match=r"no readable models/net\.onnx"):
        locate(card("0" * 64))
    with pytest.raises(NetworkUnavailable, match=r"nowhere==9 is not installed"):
        locate(NetworkFile("net-2", "nowhere==9", "package_that_is_nowhere/net.onnx", "0" * 64))
