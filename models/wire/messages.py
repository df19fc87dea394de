"""Messages between terminal and cloud.

Each is a MessagePack array (JSON array accepted): the order of fields is the format. Fields are only ever
added at the end, with a default; a reader ignores elements it does not know. A change that cannot be made so
gets a new number in the topic. The exported schema is docs/reference/wire-schema.json.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

VERSION = 1
BATCH_MAX_PUNCHES = 100

Ms = Annotated[int, Meta(ge=0, le=(1 << 48) - 1, description="milliseconds; wall: since 1970 UTC")]
Seq = Annotated[int, Meta(ge=1, le=(1 << 53) - 1)]
StreamBytes = Annotated[bytes, Meta(min_length=16, max_length=16)]
Sender = Annotated[bytes, Meta(max_length=16)]
Text = Annotated[str, Meta(min_length=1, max_length=64)]
Range = tuple[Seq, Seq]
"""Both ends inclusive."""


class WirePunch(msgspec.Struct, array_like=True, frozen=True):
    """One punch of the batch's stream; see models.punch.Punch."""

    seq: Seq
    punch_id: Annotated[bytes, Meta(min_length=16, max_length=16)]
    person_id: Text
    wall_ms: Ms
    monotonic_ms: Ms
    boot: Annotated[int, Meta(ge=0)]
    clock: Annotated[int, Meta(ge=0, le=2)]
    method: Annotated[int, Meta(ge=1, le=4)]
    direction: Annotated[int, Meta(ge=0, le=2)] = 0
    score_milli: int | None = None


class PunchBatch(msgspec.Struct, array_like=True, frozen=True):
    """terminal -> cloud, topic ``up``.

    ``lowest``/``highest``: the seqs the terminal still keeps, so that the cloud can see a hole.
    ``sent_ms``/``sent_monotonic_ms``: both clocks at the moment of sending; the first is the cloud's own time
    as soon as an acknowledgement of this boot has told it. ``sender``: random bytes of the process that
    sends, for copies of a card share a topic; empty: not told.
    """

    version: Annotated[int, Meta(ge=1)]
    terminal_id: Text
    stream_id: StreamBytes
    boot: Annotated[int, Meta(ge=0)]
    sent_ms: Ms
    sent_monotonic_ms: Ms
    lowest: Seq
    highest: Seq
    punches: Annotated[tuple[WirePunch, ...], Meta(min_length=1, max_length=BATCH_MAX_PUNCHES)]
    sender: Sender = b""


class Refusal(msgspec.Struct, array_like=True, frozen=True):
    """One punch the cloud put aside: ``code`` says why. It stays on the terminal."""

    seq: Seq
    code: Text


class PunchAck(msgspec.Struct, array_like=True, frozen=True):
    """cloud -> terminal, topic ``ack``: sent after the commit, never before.

    ``committed``: ranges safe in the cloud. ``needed``: holes it wants sent again. ``refused``: put aside.
    ``server_ms``/``echo_monotonic_ms``: the cloud's time, and the batch's own clock, for the offset.
    ``known``: the highest seq the cloud has heard of in the stream. A terminal that has not got so far is an
    older copy of itself, and opens a new stream. ``sender``: the batch's; ``committed`` and ``refused`` are
    for nobody else.
    """

    version: Annotated[int, Meta(ge=1)]
    stream_id: StreamBytes
    committed: tuple[Range, ...]
    needed: tuple[Range, ...]
    refused: tuple[Refusal, ...]
    server_ms: Ms
    echo_monotonic_ms: Ms
    known: Annotated[int, Meta(ge=0)] = 0
    sender: Sender = b""


class StreamBounds(msgspec.Struct, array_like=True, frozen=True):
    """What the terminal still keeps of an older stream: the lowest and the highest seq."""

    stream_id: StreamBytes
    lowest: Seq
    highest: Seq


class DayCount(msgspec.Struct, array_like=True, frozen=True):
    """What the terminal made in one stream on one UTC day of its own clock; nothing of it waits.

    ``day``: days since 1970. ``first_seq``/``last_seq``: the lowest and highest seq of that day; seqs of
    other days may lie between. ``digest``: models.chain.day_digest of its ``count`` punches.
    """

    stream_id: StreamBytes
    day: Annotated[int, Meta(ge=0)]
    first_seq: Seq
    last_seq: Seq
    count: Annotated[int, Meta(ge=1)]
    digest: Annotated[bytes, Meta(min_length=32, max_length=32)]


class Missing(msgspec.Struct, array_like=True, frozen=True):
    """Punches that the cloud asked for and the terminal no longer has; both ends inclusive."""

    stream_id: StreamBytes
    first_seq: Seq
    last_seq: Seq


class Part(msgspec.Struct, array_like=True, frozen=True):
    """Health of one part of the terminal, with a reason.

    "camera" and "sensor" are "ok", "away" or "none"; "storage" is "ok", "filling" or "full".
    """

    name: Text
    health: Text
    reason: str = ""


class TerminalState(msgspec.Struct, array_like=True, frozen=True):
    """terminal -> cloud, topic ``state``, retained: birth, then every minute and on change.

    The will is the same message with ``online`` false. ``at_ms`` with ``highest`` says: all punches made
    before ``at_ms`` have a seq up to ``highest``; that is what lets the cloud call a day complete.
    ``kept``: its older streams. ``days``: some of its days in turn, for the cloud to compare. ``missing``:
    the answer to ``needed`` where there is nothing to send.
    """

    version: Annotated[int, Meta(ge=1)]
    terminal_id: Text
    online: bool
    at_ms: Ms = 0
    boot: Annotated[int, Meta(ge=0)] = 0
    stream_id: bytes = b""
    highest: Annotated[int, Meta(ge=0)] = 0
    waiting: Annotated[int, Meta(ge=0)] = 0
    oldest_waiting_ms: Ms | None = None
    clock: Annotated[int, Meta(ge=0, le=2)] = 0
    clock_offset_ms: int | None = None
    parts: tuple[Part, ...] = ()
    people: int = 0
    faces: int = 0
    fingers: int = 0
    roster_version: str = ""
    app_version: str = ""
    kept: tuple[StreamBounds, ...] = ()
    days: tuple[DayCount, ...] = ()
    missing: tuple[Missing, ...] = ()


class DesiredState(msgspec.Struct, array_like=True, frozen=True):
    """cloud -> terminal, topic ``want``, retained: a target, not a queue of commands."""

    version: Annotated[int, Meta(ge=1)]
    roster_version: str = ""


class RosterPerson(msgspec.Struct, frozen=True):
    """One person on the roster; see models.person.Person."""

    person_id: Text
    employee_no: Text
    name: str
    language: str = "zh"
    pin_hash: str | None = None


class Roster(msgspec.Struct, frozen=True):
    """``GET /terminal/v1/roster`` (JSON, ETag = ``version``): whom this terminal may know."""

    version: Text
    site: str
    zone: str
    people: tuple[RosterPerson, ...]


class Claim(msgspec.Struct, frozen=True):
    """``POST /terminal/v1/claim``: the one-time code an admin read out.

    ``csr``: request in PEM to certify a P-256 key made on the terminal. ``ledger_key``: the Ed25519 public
    key (32 bytes; base64 in JSON) with which it signs its ledger. Either may be missing.
    """

    code: Text
    app_version: str = ""
    csr: str = ""
    ledger_key: bytes = b""


class Claimed(msgspec.Struct, frozen=True):
    """Its answer. ``token`` is the terminal's secret for HTTPS and the broker; it is told once.

    ``certificate`` (PEM) is of the key in ``csr``, its common name is the terminal id; ``authority`` (PEM)
    signed it, and the broker's. Both are empty if no certificate was asked for.
    """

    terminal_id: Text
    name: str
    token: str
    broker_url: str
    site: str
    zone: str
    certificate: str = ""
    authority: str = ""


class CertificateRequest(msgspec.Struct, frozen=True):
    """``POST /terminal/v1/certificate``: another certificate, of the key in ``csr``.

    ``serial``: the certificate the terminal has, in hexadecimal; ``signature``: ECDSA with SHA-256, DER, by
    its key, of the bytes ``kaoqin certificate renewal 1``, newline, serial, newline, csr. Both are empty from
    a terminal that never had one. ``ledger_key``: as in Claim, for a cloud that does not know it yet.
    """

    csr: str
    serial: str = ""
    signature: bytes = b""
    ledger_key: bytes = b""


class CertificateAnswer(msgspec.Struct, frozen=True):
    """Its answer: the certificate and who signed it, PEM. The earlier certificate stays good."""

    certificate: str
    authority: str


MESSAGES: tuple[type[msgspec.Struct], ...] = (
    PunchBatch,
    PunchAck,
    TerminalState,
    DesiredState,
    Roster,
    Claim,
    Claimed,
    CertificateRequest,
    CertificateAnswer,
)
"""What the exported schema describes."""
