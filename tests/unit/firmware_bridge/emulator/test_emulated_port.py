from __future__ import annotations

from pathlib import Path

import pytest

from firmware_bridge.emulator.port import PortUnusable, PseudoPort


def test_the_port_replaces_a_stale_link_and_removes_its_own(tmp_path: Path) -> None:
    link = tmp_path / "tty"
    link.symlink_to("/nowhere")

    port = PseudoPort(link)
    assert link.resolve().is_char_device()
    port.close()

    assert not link.is_symlink()


def test_the_link_of_a_successor_is_left_alone(tmp_path: Path) -> None:
    first, second = PseudoPort(tmp_path / "tty"), PseudoPort(tmp_path / "tty")

    first.close()

    assert (tmp_path / "tty").is_symlink()
    second.close()


def test_a_file_is_never_replaced_by_a_port(tmp_path: Path) -> None:
    (tmp_path / "tty").write_text("precious")

    with pytest.raises(PortUnusable, match="something else is there"):
        PseudoPort(tmp_path / "tty")

    assert (tmp_path / "tty").read_text() == "precious"


def test_a_port_in_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PortUnusable, match="No such file"):
        PseudoPort(tmp_path / "absent" / "tty")
