"""Foreign servers of a site under chaos: how each is set up, started, and what it may lose."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.nursery import Birth
from tests.postgres import NoPostgres, installed


class Missing(Exception):
    """A program is not installed; the message says which."""


def free_port() -> int:
    """A TCP port of the loopback that nobody had a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Mosquitto:
    """The broker of real sites, with a state that can be deleted."""

    folder: Path
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self._program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if self._program is None:
            raise Missing("mosquitto is not installed")
        self._state = self.folder / "mosquitto"
        self._state.mkdir()
        (self.folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\n"
            f"persistence_location {self._state}/\nautosave_interval 1\nmax_queued_messages 100000\n"
        )

    def birth(self, log: Path) -> Birth:
        """How it is started."""
        return Birth([str(self._program), "-c", str(self.folder / "mosquitto.conf")], log)

    def forget(self) -> None:
        """Lose everything it kept."""
        for path in self._state.iterdir():
            path.unlink()


@dataclass
class Embedded:
    """The broker of the demo, which keeps nothing anyway."""

    folder: Path
    port: int = field(default_factory=free_port)

    def birth(self, log: Path) -> Birth:
        """How it is started."""
        return Birth([sys.executable, "-m", "scripts.story", "broker", str(self.port)], log)

    def forget(self) -> None:
        """It has."""


@dataclass
class Postgres:
    """A PostgreSQL of our own: the package's, else Debian's. Everything that makes it durable stays on."""

    folder: Path
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        try:
            self._bin, prefix, self._user = installed()
        except NoPostgres as error:
            raise Missing(str(error)) from error
        self.data = self.folder / "pgdata"
        self.data.mkdir(mode=0o700)
        if self._user is not None:
            os.chown(self.data, self._user, self._user)
            for folder in (self.folder, *self.folder.parents):
                if folder.stat().st_uid == 0 and not folder.stat().st_mode & 0o001:
                    folder.chmod(folder.stat().st_mode | 0o711)
        subprocess.run(
            [
                *prefix,
                self._bin / "initdb",
                "-D",
                self.data,
                "-A",
                "trust",
                "-E",
                "UTF8",
                "-U",
                "kaoqin",
                "-N",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.data,
        )

    def birth(self, log: Path) -> Birth:
        """How it is started."""
        options = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.data),
            "shared_buffers": "16MB",
            "dynamic_shared_memory_type": "mmap",
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return Birth([str(self._bin / "postgres"), "-D", str(self.data), *settings], log, user=self._user)

    def is_gone(self) -> bool:
        """Whether every process of a killed server has noticed, so that its files can be touched."""
        for cwd in Path("/proc").glob("[0-9]*/cwd"):
            with suppress(OSError):
                if cwd.readlink() == self.data:
                    return False
        return True

    def url(self, port: int | None = None) -> str:
        """Where it is; ``port``: of something in between."""
        return f"postgresql+psycopg://kaoqin@127.0.0.1:{port or self.port}/postgres"
