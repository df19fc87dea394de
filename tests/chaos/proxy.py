"""A TCP proxy that does to connections what networks do. No privileges needed: it is only in between.

The faults are those of Toxiproxy: latency, bandwidth, slow close, stall, slicing, a limit of bytes, a reset;
and a partition in one direction, which is a stall of that direction. They apply to open connections and to
new ones.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from random import Random

_CHUNK = 65_536


class Way(StrEnum):
    """Which direction of a connection."""

    THERE = "there"
    BACK = "back"


@dataclass(frozen=True, slots=True)
class Weather:
    """What happens to bytes of one direction; the default is a good day.

    Attributes:
        latency_s: each chunk comes so much later, ``jitter_s`` more or less.
        bytes_per_s: no faster than this; 0 is no limit.
        slice_bytes: chunks are cut into pieces of at most this; 0 leaves them.
        stalled: nothing comes through, nothing is lost: it waits. In one direction: a one-way partition.
        limit_bytes: the connection ends after so many; 0 is no limit.
        slow_close_s: the end of the connection comes through so much later.
        refused: new connections are reset, and so are those open.
    """

    latency_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: int = 0
    slice_bytes: int = 0
    stalled: bool = False
    limit_bytes: int = 0
    slow_close_s: float = 0.0
    refused: bool = False


FAIR = Weather()


class Proxy:
    """Listens on a loopback ``port`` and carries every connection to ``target`` on the loopback."""

    def __init__(self, target: int, seed: int = 0) -> None:
        self._target = target
        self._luck = Random(seed)
        self._weather = dict.fromkeys(Way, FAIR)
        self._flows = {way: asyncio.Event() for way in Way}
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Cut everything and stop listening."""
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def set(self, weather: Weather, *ways: Way) -> None:
        """From now on ``weather`` holds, in the directions named, or in both."""
        self._call(self._set(weather, ways or tuple(Way)))

    def reset(self) -> None:
        """Reset every open connection, as a router does that forgot them."""
        self._call(self._reset_all())

    def _call(self, job: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(job, self._loop).result()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        for flow in self._flows.values():
            flow.set()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._socket))
        self._loop.run_forever()

    async def _close(self) -> None:
        self._server.close()
        # Also those that are just connecting: a socket left open fails whoever runs last.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._reset_all()
        await asyncio.sleep(0.01)

    async def _set(self, weather: Weather, ways: tuple[Way, ...]) -> None:
        for way in ways:
            self._weather[way] = weather
            if weather.stalled:
                self._flows[way].clear()
            else:
                self._flows[way].set()
        if weather.refused:
            await self._reset_all()

    async def _reset_all(self) -> None:
        for writer in list(self._writers):
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        if any(weather.refused for weather in self._weather.values()):
            self._drop(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            self._drop(writer)
            return
        self._writers.add(far_writer)
        ways = [
            asyncio.ensure_future(self._carry(Way.THERE, reader, far_writer)),
            asyncio.ensure_future(self._carry(Way.BACK, far_reader, writer)),
        ]
        self._tasks.update(ways)
        await asyncio.gather(*ways, return_exceptions=True)
        self._tasks.difference_update(ways)
        for each in (writer, far_writer):
            self._writers.discard(each)
            each.close()

    def _drop(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        _reset(writer)

    async def _carry(self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        carried = 0
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                for piece in self._cut(way, chunk):
                    await self._delay(way, len(piece))
                    carried += len(piece)
                    limit = self._weather[way].limit_bytes
                    if limit and carried > limit:
                        _reset(writer)
                        return
                    writer.write(piece)
                    await writer.drain()
            await asyncio.sleep(self._weather[way].slow_close_s)
            await self._flows[way].wait()
            if writer.can_write_eof():
                writer.write_eof()

    def _cut(self, way: Way, chunk: bytes) -> list[bytes]:
        size = self._weather[way].slice_bytes or len(chunk)
        return [chunk[start : start + size] for start in range(0, len(chunk), size)]

    async def _delay(self, way: Way, size: int) -> None:
        weather = self._weather[way]
        wait_s = weather.latency_s + self._luck.uniform(-weather.jitter_s, weather.jitter_s)
        if weather.bytes_per_s:
            wait_s += size / weather.bytes_per_s
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        await self._flows[way].wait()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST: what was under way is lost on both sides."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        with suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
