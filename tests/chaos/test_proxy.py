from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.chaos.proxy import FAIR, Proxy, Way, Weather
from tests.chaos.servers import free_port

MESSAGE = bytes(range(256)) * 20


class Echo:
    """Sends back what it gets, and counts it."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.heard = bytearray()
        self.news = threading.Condition()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while chunk := connection.recv(4096):
                    with self.news:
                        self.heard += chunk
                        self.news.notify_all()
                    connection.sendall(chunk)
            except OSError:
                return

    def wait_for(self, size: int) -> None:
        with self.news:
            assert self.news.wait_for(lambda: len(self.heard) >= size, 20)

    def close(self) -> None:
        self._listening.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    made = Echo()
    yield made
    made.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    made = Proxy(echo.port)
    yield made
    made.close()


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=20)


def read(connection: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size and (chunk := connection.recv(4096)):
        got += chunk
    return got


@pytest.mark.parametrize(
    "weather",
    [
        FAIR,
        Weather(latency_s=0.02, jitter_s=0.02),
        Weather(bytes_per_s=50_000),
        Weather(slice_bytes=100),
        Weather(slow_close_s=0.1),
    ],
)
def test_what_only_delays_changes_nothing(proxy: Proxy, weather: Weather):
    proxy.set(weather)
    with connect(proxy) as connection:
        connection.sendall(MESSAGE)
        connection.shutdown(socket.SHUT_WR)

        assert read(connection, len(MESSAGE) + 1) == MESSAGE


def test_a_partition_one_way_lets_the_other_through_and_loses_nothing(proxy: Proxy, echo: Echo):
    proxy.set(Weather(stalled=True), Way.BACK)
    with connect(proxy) as connection:
        connection.sendall(b"ping")
        echo.wait_for(4)
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(20)
        proxy.set(FAIR)

        assert read(connection, 4) == b"ping"


def test_a_stall_there_reaches_nobody_until_it_ends(proxy: Proxy, echo: Echo):
    with connect(proxy) as connection:
        connection.sendall(b"a")
        assert read(connection, 1) == b"a"
        proxy.set(Weather(stalled=True), Way.THERE)
        connection.sendall(b"b")
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert bytes(echo.heard) == b"a"
        connection.settimeout(20)
        proxy.set(FAIR)

        assert read(connection, 1) == b"b"


def test_a_limit_ends_the_connection_after_so_many_bytes(proxy: Proxy, echo: Echo):
    proxy.set(Weather(limit_bytes=1_000, slice_bytes=500), Way.THERE)
    with connect(proxy) as connection:
        connection.sendall(MESSAGE[:500])
        echo.wait_for(500)
        with suppress(ConnectionError):
            connection.sendall(MESSAGE[500:])
            while connection.recv(4096):
                pass

    # A reset drops what the far side has not read yet, so how much of the rest arrived is luck.
    assert 500 <= len(echo.heard) <= 1_000


def test_a_reset_is_felt_on_open_connections_and_refusal_on_new_ones(proxy: Proxy):
    with connect(proxy) as connection:
        connection.sendall(b"a")
        assert read(connection, 1) == b"a"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    proxy.set(Weather(refused=True))
    # The reset may come while it still connects.
    with pytest.raises(ConnectionResetError), connect(proxy) as connection:
        connection.recv(1)


def test_nobody_behind_it_is_a_reset(echo: Echo):
    alone = Proxy(free_port())
    with pytest.raises(ConnectionResetError), connect(alone) as connection:
        connection.recv(1)
    alone.close()
