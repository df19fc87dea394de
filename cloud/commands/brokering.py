"""``broker``: the files of a mosquitto of this site's own."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from cloud.commands.console import complain, say
from cloud.db.engine import Database
from cloud.settings import Settings
from cloud.terminals.authority import Authority
from cloud.terminals.brokerfiles import BrokerFilesUnwritable, Listening, write_all, write_revoked
from models.clock import Clock


@dataclass(frozen=True, slots=True)
class Broker:
    """The commands, on one database and state directory."""

    database: Database
    settings: Settings
    clock: Clock

    def config(self, out: Path | None, listening: Listening) -> int:
        """Write everything a broker needs, and print the settings that go with it as TOML."""
        directory = (out or self.settings.broker_files).resolve()
        now_ms = self.clock.wall_ms()
        hosts = listening.hosts or (socket.gethostname(),)
        listening = Listening(hosts, listening.port, listening.worker_port, listening.worker_address)
        authority = Authority.open(self.settings.state, now_ms)
        write_all(directory, self.settings.state, authority, listening, now_ms)
        with self.database.read() as connection:
            write_revoked(connection, directory, authority, now_ms)
        complain(f"wrote {directory}/mosquitto.conf; the settings for it are:")
        say(f'state = "{self.settings.state.resolve()}"')
        say(f'broker_url = "mqtts://{listening.worker_address}:{listening.worker_port}"')
        say(f'public_broker_url = "mqtts://{hosts[0]}:{listening.port}"')
        say(f'broker_directory = "{directory}"')
        return 0

    def refresh(self) -> bool:
        """Write who is shut out, where there is a broker's directory; False if that could not be done."""
        now_ms = self.clock.wall_ms()
        authority = Authority.open(self.settings.state, now_ms)
        try:
            with self.database.read() as connection:
                is_written = write_revoked(connection, self.settings.broker_files, authority, now_ms)
        except BrokerFilesUnwritable as error:
            complain(f"the broker does not know yet: {error}")
            return False
        if is_written:
            complain("The broker shuts it out when it reloads: systemctl reload mosquitto")
        return True
