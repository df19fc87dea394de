"""Who this terminal is: what the cloud told it when it was claimed."""

from __future__ import annotations

from pathlib import Path

import msgspec

from edge.errors import CannotStart, NotClaimed
from edge.roster.files import replace_file
from models.ids import TerminalId
from models.wire.messages import Claimed

_FILE = "terminal.json"
_PRIVATE = 0o600


class Identity(msgspec.Struct, frozen=True):
    """The terminal's place in the firm and its secret."""

    cloud_url: str
    claimed: Claimed

    @property
    def terminal_id(self) -> TerminalId:
        """The id the cloud gave."""
        return TerminalId(self.claimed.terminal_id)


def prepare_state(state: Path) -> None:
    """Make the state folder and prove that it can be written: a claim code is good for one try only.

    Raises:
        CannotStart: it cannot.
    """
    probe = state / f".{_FILE}.new"
    try:
        state.mkdir(parents=True, exist_ok=True)
        probe.touch(_PRIVATE)
        probe.unlink()
    except OSError as error:
        raise CannotStart(f"cannot write in {state}: {error.strerror}") from error


def save_identity(state: Path, identity: Identity) -> None:
    """Keep ``identity`` in the state folder, readable by its owner only.

    Raises:
        CannotStart: the folder cannot be written.
    """
    try:
        replace_file(state / _FILE, msgspec.json.format(msgspec.json.encode(identity)), _PRIVATE)
    except OSError as error:
        raise CannotStart(f"cannot write {state / _FILE}: {error.strerror}") from error


def load_identity(state: Path) -> Identity:
    """The identity in the state folder.

    Raises:
        NotClaimed: there is none, or none that can be read.
    """
    path = state / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Identity)
    except FileNotFoundError as error:
        raise NotClaimed(
            f"this terminal is not claimed (no {path}): run kaoqin-edge claim CODE --cloud URL"
        ) from error
    except OSError as error:
        raise NotClaimed(f"cannot read {path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise NotClaimed(f"{path} is damaged ({error}): claim the terminal anew") from error
