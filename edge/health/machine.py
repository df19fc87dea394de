"""Which machine, and which boot of it.

A ledger copied to another machine must not go on in the same stream, and monotonic time means something only
beside the boot it counts from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_UUIDS = Path("/dev/disk/by-uuid")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# What a cloned card does not share with its original comes first: the board's serial, then the card's own
# registers, then the installation.
_MACHINE = (
    Path("/sys/firmware/devicetree/base/serial-number"),
    Path("/sys/block/mmcblk0/device/cid"),
    Path("/etc/machine-id"),
)


@dataclass(frozen=True, slots=True)
class Machine:
    """``machine_id`` survives a reboot and not a copy; ``boot_id`` is new with each boot.

    ``storage_id`` is of the file system of the terminal's state, "" where it cannot be told: a copy of the
    files has another.
    """

    machine_id: str
    boot_id: str
    storage_id: str = ""


def this_machine(state: Path) -> Machine:
    """The machine this process runs on, with the disk of ``state``.

    Parts that cannot be read are left out of ``machine_id``.
    """
    parts = [text for path in _MACHINE if (text := _read(path))]
    return Machine("/".join(parts), _read(_BOOT_ID), _file_system_id(state))


def _file_system_id(place: Path) -> str:
    """The UUID of the file system that holds ``place``; "" if it has none, or udev does not know it.

    A copy of the whole card has the same one, but is another card: see ``_MACHINE``.
    """
    try:
        device = _existing(place).stat().st_dev
        named = sorted(_UUIDS.iterdir())
    except OSError:
        return ""
    return next((link.name for link in named if _device(link) == device), "")


def _existing(place: Path) -> Path:
    return place if place.exists() or place == place.parent else _existing(place.parent)


def _device(link: Path) -> int:
    try:
        return link.stat().st_rdev
    except OSError:
        return 0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip("\x00 \n")
    except OSError:
        return ""
