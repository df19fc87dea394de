from __future__ import annotations

import errno
import fcntl
import termios
from pathlib import Path

import pytest
import serial

from firmware_bridge.emulator.port import PseudoPort
from firmware_bridge.errors import LinkLost, PortUnavailable
from firmware_bridge.link import SerialLink, _reason

TIOCGEXCL = 0x80045440  # linux/asm-generic/ioctls.h; the termios module lacks it


@pytest.fixture
def far_end(tmp_path: Path):
    port = PseudoPort(tmp_path / "tty")
    yield port
    port.close()


def test_bytes_go_both_ways(far_end: PseudoPort, tmp_path: Path) -> None:
    link = SerialLink(tmp_path / "tty", 57600)

    link.send(b"\x01\xef")
    far_end.write(b"\r\n\x11\x13\x00\xff")

    assert far_end.read() == b"\x01\xef"
    assert link.receive(1000) == b"\r\n\x11\x13\x00\xff"
    link.close()


def test_nothing_is_received_from_a_silent_port(far_end: PseudoPort, tmp_path: Path) -> None:
    link = SerialLink(tmp_path / "tty", 57600)

    assert link.receive(1) == b""
    link.close()


def test_discarded_input_is_gone(far_end: PseudoPort, tmp_path: Path) -> None:
    link = SerialLink(tmp_path / "tty", 57600)
    far_end.write(b"old")

    link.discard_input()

    assert link.receive(1) == b""
    link.close()


def test_a_second_opener_is_refused_and_the_first_loses_nothing(far_end: PseudoPort, tmp_path: Path) -> None:
    first = SerialLink(tmp_path / "tty", 57600)
    far_end.write(b"answer")

    with pytest.raises(PortUnavailable, match="another program is using it"):
        SerialLink(tmp_path / "tty", 57600)

    assert first.receive(1000) == b"answer"
    first.close()


def test_a_closed_port_can_be_opened_again(far_end: PseudoPort, tmp_path: Path) -> None:
    first = SerialLink(tmp_path / "tty", 57600)
    first.close()
    first.close()

    SerialLink(tmp_path / "tty", 57600).close()


def test_the_port_is_marked_exclusive_while_open(far_end: PseudoPort, tmp_path: Path) -> None:
    link = SerialLink(tmp_path / "tty", 57600)
    assert exclusive(far_end)

    link.close()

    assert not exclusive(far_end)


def test_the_mark_of_a_host_that_died_is_undone(far_end: PseudoPort, tmp_path: Path) -> None:
    link = SerialLink(tmp_path / "tty", 57600)

    far_end.release_exclusive()

    assert not exclusive(far_end)
    link.close()


def exclusive(port: PseudoPort) -> bool:
    return fcntl.ioctl(port._slave, TIOCGEXCL, b"\0\0\0\0") != b"\0\0\0\0"


def test_a_port_that_vanishes_is_a_lost_link_in_every_call(tmp_path: Path) -> None:
    far_end = PseudoPort(tmp_path / "tty")
    link = SerialLink(tmp_path / "tty", 57600)
    far_end.close()

    with pytest.raises(LinkLost, match="reading"):
        link.receive(1000)
    with pytest.raises(LinkLost, match="writing"):
        link.send(b"x")
    with pytest.raises(LinkLost, match="gone"):
        link.discard_input()
    link.close()


def test_a_closed_link_is_a_lost_link(far_end: PseudoPort, tmp_path: Path) -> None:
    link = SerialLink(tmp_path / "tty", 57600)
    link.close()

    with pytest.raises(LinkLost):
        link.receive(1)
    with pytest.raises(LinkLost):
        link.send(b"x")


def test_a_port_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for name, reason in [("absent", "no such port"), ("file", "not a serial port"), ("", "a directory")]:
        with pytest.raises(PortUnavailable) as refused:
            SerialLink(tmp_path / name, 57600)
        assert reason in refused.value.reason
        assert str(tmp_path) in str(refused.value)


def test_a_forbidden_port_names_the_group_that_may() -> None:
    assert "dialout" in _reason(serial.SerialException(errno.EACCES, "could not open port"))
    assert "gone" in _reason(termios.error(errno.EIO, "Input/output error"))
    assert _reason(serial.SerialException("odd")) == "odd"
