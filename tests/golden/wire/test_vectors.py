"""Golden bytes: what is on the wire may only grow at the end. A changed vector is a changed format."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from models.wire.codec import Malformed, decode, encode
from models.wire.messages import (
    MESSAGES,
    CertificateAnswer,
    CertificateRequest,
    Claim,
    Claimed,
    DayCount,
    DesiredState,
    Missing,
    Part,
    PunchAck,
    PunchBatch,
    Refusal,
    Roster,
    RosterPerson,
    StreamBounds,
    TerminalState,
    WirePunch,
)

HERE = Path(__file__).parent
STREAM = bytes(range(16))
ID = bytes.fromhex("01966e3c4d5e7abc8def0123456789ab")
TERMINAL = "t-0123456789abcdef"

EXAMPLES: dict[str, msgspec.Struct] = {
    "punch_batch": PunchBatch(
        version=1,
        terminal_id=TERMINAL,
        stream_id=STREAM,
        boot=3,
        sent_ms=1_795_000_000_000,
        sent_monotonic_ms=86_400_000,
        lowest=1,
        highest=70_000,
        punches=(
            WirePunch(1, ID, "p-0123456789abcdef", 1_794_999_990_000, 86_390_000, 3, 2, 2, 1, 712),
            WirePunch(70_000, ID[::-1], "p-fedcba9876543210", 1_794_999_991_000, 86_391_000, 3, 0, 3),
        ),
        sender=bytes(range(8)),
    ),
    "punch_ack": PunchAck(
        version=1,
        stream_id=STREAM,
        committed=((1, 1), (4, 100)),
        needed=((2, 2),),
        refused=(Refusal(3, "key_conflict"),),
        server_ms=1_795_000_000_123,
        echo_monotonic_ms=86_400_000,
        known=70_000,
        sender=bytes(range(8)),
    ),
    "terminal_state": TerminalState(
        version=1,
        terminal_id=TERMINAL,
        online=True,
        at_ms=1_795_000_000_000,
        boot=3,
        stream_id=STREAM,
        highest=70_000,
        waiting=12,
        oldest_waiting_ms=1_794_000_000_000,
        clock=2,
        clock_offset_ms=-40,
        parts=(Part("camera", "ok"), Part("sensor", "away", "unplugged")),
        people=150,
        faces=149,
        fingers=148,
        roster_version="5d41402a",
        app_version="0.1.0",
        kept=(StreamBounds(STREAM[::-1], 5, 900),),
        days=(DayCount(STREAM, 20_775, 69_001, 70_000, 998, bytes(range(32))),),
        missing=(Missing(STREAM, 2, 4),),
    ),
    "terminal_state_shortest": TerminalState(version=1, terminal_id=TERMINAL, online=False),
    "desired_state": DesiredState(version=1, roster_version="5d41402a"),
    "roster": Roster(
        version="5d41402a",
        site="hq",
        zone="Asia/Shanghai",
        people=(
            RosterPerson("p-0123456789abcdef", "1001", "李雷", "zh", "$argon2id$x"),
            RosterPerson("p-fedcba9876543210", "1002", "Han Meimei", "en"),
        ),
    ),
    "claim": Claim("ABCD-EFGH", "0.1.0"),
    "claimed": Claimed(TERMINAL, "Front door", "secret", "mqtts://broker.example", "hq", "Asia/Shanghai"),
    "certificate_request": CertificateRequest("-----BEGIN", "0a1b", b"signed", bytes(32)),
    "certificate_answer": CertificateAnswer("-----BEGIN 1", "-----BEGIN 2"),
}


def golden(name: str, suffix: str) -> bytes:
    return (HERE / f"{name}.{suffix}").read_bytes()


def test_every_message_has_a_vector():
    assert {type(each) for each in EXAMPLES.values()} == set(MESSAGES)
    assert {path.stem for path in HERE.glob("*.hex")} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_encoding_gives_the_golden_bytes(name: str):
    assert encode(EXAMPLES[name]).hex() == golden(name, "hex").decode().strip()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_golden_bytes_and_the_same_as_json_mean_the_example(name: str):
    example = EXAMPLES[name]

    assert decode(bytes.fromhex(golden(name, "hex").decode()), type(example)) == example
    assert decode(golden(name, "json"), type(example)) == example


@pytest.mark.parametrize("path", sorted((HERE / "earlier").glob("*.hex")), ids=lambda path: path.stem)
def test_what_an_earlier_release_sent_means_the_same_without_what_came_later(path: Path):
    example = EXAMPLES[path.stem]
    values = msgspec.msgpack.decode(bytes.fromhex(path.read_text()))
    fields = type(example).__struct_fields__[: len(values)]

    earlier = decode(msgspec.msgpack.encode(values), type(example))

    assert not isinstance(earlier, Malformed)
    assert len(fields) < len(type(example).__struct_fields__)
    assert [getattr(earlier, name) for name in fields] == [getattr(example, name) for name in fields]


@pytest.mark.parametrize(
    "name", [name for name in EXAMPLES if type(EXAMPLES[name]).__struct_config__.array_like]
)
def test_a_field_from_the_future_is_ignored(name: str):
    example = EXAMPLES[name]
    longer = msgspec.msgpack.encode([*msgspec.msgpack.decode(encode(example)), {"new": "field"}])

    assert decode(longer, type(example)) == example


def test_a_punch_takes_some_sixty_bytes():
    batch = EXAMPLES["punch_batch"]
    assert isinstance(batch, PunchBatch)
    hundred = msgspec.structs.replace(batch, punches=batch.punches[:1] * 100)

    assert len(encode(hundred)) < 7_000


@pytest.mark.parametrize(
    ("payload", "word"),
    [
        (b"", "empty"),
        (b"\xc1", "MessagePack"),
        (b"x" * 70_000, "70000 bytes"),
        (b"[1,", "truncated"),
        (b"[" * 5_000, ""),
        (b'[1,"t",true,-5]', "$[3]"),
    ],
)
def test_what_is_no_message_is_a_value_that_says_where(payload: bytes, word: str):
    found = decode(payload, TerminalState)

    assert isinstance(found, Malformed)
    assert word in found.reason
