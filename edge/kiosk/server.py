"""The kiosk's page and its local server, in a thread of its own, on the loopback address alone."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from http import HTTPStatus
from importlib import resources
from typing import TypeVar

import msgspec
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from edge.errors import TryAgain
from edge.face.presence import Presence
from edge.identification import Identification, Unknown
from edge.kiosk.errors import PortTaken
from edge.kiosk.guard import Guard
from edge.kiosk.screen import Conditions, Noted, Notice, NotRecorded, Screen, View
from edge.kiosk.words import in_language
from edge.pin.check import PinDesk, TooManyTries
from models.clock import Clock
from models.person import Language

_HOST = "127.0.0.1"
_BODY_MAX_BYTES = 1024
_LOOK_S = 1.0
_HEARTBEAT_MS = 10_000
_STOP_S = 10.0
_PAGE = {"/": "kiosk.html", "/kiosk.css": "kiosk.css", "/kiosk.js": "kiosk.js", "/icon.svg": "icon.svg"}
_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}

M = TypeVar("M", bound=msgspec.Struct)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the page can reach of the terminal; each is called from the server's threads.

    Attributes:
        pin_desk: who has a number and a PIN.
        on_result: the same path that faces and fingers take; it shows what became of it.
        on_not_me: the owner of the punch with this reference says it is not theirs; raises TryAgain when that
            cannot be kept.
        latest_frame: the camera's picture as JPEG, or None.
        conditions: how the terminal is now.
    """

    pin_desk: PinDesk
    on_result: Callable[[Identification], None]
    on_not_me: Callable[[str], None]
    latest_frame: Callable[[], bytes | None]
    conditions: Callable[[], Conditions]


class _Event(msgspec.Struct, frozen=True):
    now_ms: int
    view: View


class _Pin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: str
    pin: str


class _PinAnswer(msgspec.Struct, frozen=True):
    outcome: str
    wait_s: int = 0


class _NotMe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reference: str


class Kiosk:
    """The screen, served to a browser on this machine from :meth:`start` until :meth:`stop`.

    :meth:`show` and :meth:`presence` may be called from any thread, also before the start.
    """

    def __init__(self, port: int, screen: Screen, wiring: Wiring, clock: Clock) -> None:
        self._wanted_port = port
        self._screen = screen
        self._wiring = wiring
        self._clock = clock
        self._lock = threading.Lock()
        self._listeners: set[asyncio.Event] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_stopping = False
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="kiosk", daemon=True)
        config = uvicorn.Config(
            self._app(),
            log_config=None,
            access_log=False,
            ws="none",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)

    def start(self) -> None:
        """Begin to serve; once.

        Raises:
            PortTaken: the port cannot be had.
        """
        try:
            self._socket = socket.create_server((_HOST, self._wanted_port))
        except OSError as error:
            raise PortTaken(f"the kiosk cannot have port {self._wanted_port}: {error.strerror}") from error
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and give the port back."""
        self._is_stopping = True
        self._server.should_exit = True
        self._wake()
        if self._thread.ident is not None:
            self._thread.join(_STOP_S)
        if self._socket is not None:
            self._socket.close()

    @property
    def address(self) -> str:
        """Where the page is."""
        if self._socket is None:
            raise RuntimeError("the kiosk has not been started")
        return f"http://{_HOST}:{self._socket.getsockname()[1]}/"

    def show(self, notice: Notice) -> None:
        """Show what became of a punch, or of an attempt at one."""
        with self._lock:
            self._screen.show(notice, self._clock.monotonic_ms())
        self._wake()

    def presence(self, presence: Presence) -> None:
        """Somebody stands before the camera, or nobody does any more."""
        with self._lock:
            self._screen.presence(presence)
        self._wake()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception:  # punching goes on without a screen; the log says that there is none
            log.exception("kiosk_failed")

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve(sockets=[self._socket] if self._socket is not None else None)
        self._loop = None

    def _wake(self) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._notify)

    def _notify(self) -> None:
        for listener in self._listeners:
            listener.set()

    def _app(self) -> Starlette:
        routes = [
            *(Route(path, self._file) for path in _PAGE),
            Route("/words.json", self._words),
            Route("/events", self._events),
            Route("/frame.jpg", self._frame),
            Route("/api/pin", self._pin, methods=["POST"]),
            Route("/api/not-me", self._not_me, methods=["POST"]),
        ]
        return Starlette(routes=routes, middleware=[Middleware(Guard)])

    async def _file(self, request: Request) -> Response:
        name = _PAGE[request.url.path]
        content = resources.files("edge.kiosk").joinpath("static", name).read_bytes()
        return Response(content, media_type=_TYPES[name.rpartition(".")[2]])

    async def _words(self, _: Request) -> Response:
        return _json({language.value: in_language(language) for language in Language})

    async def _frame(self, _: Request) -> Response:
        jpeg = await run_in_threadpool(self._wiring.latest_frame)
        if jpeg is None:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return Response(jpeg, media_type="image/jpeg")

    async def _events(self, _: Request) -> Response:
        return StreamingResponse(self._stream(), media_type="text/event-stream")

    async def _stream(self) -> AsyncIterator[bytes]:
        changed = asyncio.Event()
        self._listeners.add(changed)
        sent: View | None = None
        sent_ms = 0
        try:
            while not self._is_stopping:
                changed.clear()
                view, now_ms, wait_s = self._look()
                if view != sent or now_ms - sent_ms >= _HEARTBEAT_MS:
                    sent, sent_ms = view, now_ms
                    yield b"data: " + msgspec.json.encode(_Event(self._clock.wall_ms(), view)) + b"\n\n"
                try:
                    await asyncio.wait_for(changed.wait(), wait_s)
                except TimeoutError:
                    continue
        finally:
            self._listeners.discard(changed)

    def _look(self) -> tuple[View, int, float]:
        """The view, the monotonic time, and how long nothing can change unannounced."""
        conditions = self._wiring.conditions()
        with self._lock:
            now_ms = self._clock.monotonic_ms()
            view = self._screen.view(conditions, now_ms)
            next_ms = self._screen.next_change_ms(now_ms)
        wait_s = _LOOK_S if next_ms is None else min(_LOOK_S, (next_ms - now_ms) / 1000 + 0.001)
        return view, now_ms, wait_s

    async def _pin(self, request: Request) -> Response:
        typed = await _body(request, _Pin)
        if typed is None:
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        return _json(await run_in_threadpool(self._identify, typed))

    def _identify(self, typed: _Pin) -> _PinAnswer:
        match self._wiring.pin_desk.identify(typed.number, typed.pin):
            case TooManyTries(wait_ms):
                return _PinAnswer("wait", -(-wait_ms // 1000))
            case Unknown():
                # The pad itself says so: the whole screen is for those who are known.
                return _PinAnswer("unknown")
            case identified:
                self._wiring.on_result(identified)
                return _PinAnswer("identified")

    async def _not_me(self, request: Request) -> Response:
        said = await _body(request, _NotMe)
        if said is None:
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        view, _, _ = self._look()
        if view.disputable is None or view.disputable != said.reference:
            return Response(status_code=HTTPStatus.GONE)
        try:
            await run_in_threadpool(self._wiring.on_not_me, said.reference)
        except TryAgain:
            self.show(NotRecorded())
            return Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE)
        self.show(Noted())
        return Response(status_code=HTTPStatus.NO_CONTENT)


def _json(message: msgspec.Struct | dict[str, dict[str, str]]) -> Response:
    return Response(msgspec.json.encode(message), media_type="application/json")


async def _body(request: Request, kind: type[M]) -> M | None:
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > _BODY_MAX_BYTES:
            return None
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
