"""Who may do what on the broker: every terminal, topic and way to write, with real certificates.

An instrument with all rights is let in beside the product's own access rules; nothing else is changed.
"""

from __future__ import annotations

import itertools
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from cloud.ingest.tls import share_group
from cloud.terminals.authority import Authority
from cloud.terminals.brokerfiles import WORKER, access_rules
from edge.sync.tls import try_handshake
from models.ids import TerminalId
from models.wire.topics import ROOT, Channel, shared, topic
from tests.integration.peers import wait_for
from tests.integration.tls_site import CLOCK, Client, TlsBroker, serial_of, tls_broker

TERMINALS = [f"t-{letter * 16}" for letter in "abcde"]
STRANGER = "t-zzzzzzzzzzzzzzzz"
EVERYBODY = [*TERMINALS, WORKER]
ODD = [
    "anything",
    ROOT,
    f"{ROOT}/{TERMINALS[0]}",
    f"{ROOT}/{TERMINALS[0]}/up/more",
    "kaoqin/v2/t/up",
    "$SYS/x",
]
TOPICS = [
    *(topic(TerminalId(owner), channel) for owner in (*TERMINALS, STRANGER) for channel in Channel),
    *(f"{ROOT}/{owner}/other" for owner in TERMINALS),
    *ODD,
]
FILTERS = [
    *TOPICS,
    "#",
    "+/+/+/+",
    "$SYS/#",
    f"{ROOT}/#",
    *(f"{ROOT}/+/{channel}" for channel in Channel),
    *(f"$share/thieves/{ROOT}/+/{channel}" for channel in Channel),
]
HOLE = "\npattern write kaoqin/v1/+/up\npattern read kaoqin/v1/+/ack\n"


def may_write(who: str, where: str) -> bool:
    """The rule, said again without looking at the access rules."""
    owner, _, channel = where.removeprefix(f"{ROOT}/").partition("/")
    if not where.startswith(f"{ROOT}/") or channel not in set(Channel):
        return False
    if who == WORKER:
        return channel in {Channel.ACK, Channel.WANT} or (owner == WORKER and channel in {"up", "state"})
    return who == owner and channel in {Channel.UP, Channel.STATE}


def may_read(who: str, where: str) -> bool:
    owner, _, channel = where.removeprefix(f"{ROOT}/").partition("/")
    if not where.startswith(f"{ROOT}/") or channel not in set(Channel):
        return False
    if who == WORKER:
        return channel in {Channel.UP, Channel.STATE} or (owner == WORKER and channel in {"ack", "want"})
    return who == owner and channel in {Channel.ACK, Channel.WANT}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[TlsBroker]:
    with tls_broker(tmp_path / "cloud") as made:
        yield made


def let_instrument_in(broker: TlsBroker, more: str = "") -> None:
    rules = broker.directory / "acl"
    rules.write_text(
        f"{rules.read_text()}\nuser instrument\ntopic readwrite #\ntopic readwrite $SYS/#\n{more}"
    )


def port_of(broker: TlsBroker, who: str) -> int:
    return broker.port if who.startswith("t-") else broker.worker_port


def connected(broker: TlsBroker, who: str, will: tuple[str, bytes] | None = None) -> Client:
    return Client(port_of(broker, who), broker.credentials(who), f"id of {who}", will).connect()


def accepted(broker: TlsBroker) -> dict[str, set[tuple[str, str]]]:
    """What everybody got through, by way of writing: plain, retained and as a will."""
    through: dict[str, set[tuple[str, str]]] = {}
    with closing(connected(broker, "instrument")) as instrument:
        instrument.subscribe("#", "$SYS/x")
        for who in EVERYBODY:
            with closing(connected(broker, who)) as client:
                for where in TOPICS:
                    client.publish(where, f"plain {who} {where}".encode())
                    client.publish(where, f"retained {who} {where}".encode(), retain=True)
            for where in TOPICS:
                connected(broker, who, (where, f"will {who} {where}".encode())).vanish()
        # What was written before is seen before; wills come when the broker notices.
        marks = [f"will {who} {where}" for who in EVERYBODY for where in TOPICS if may_write(who, where)]
        wait_for(lambda: {mark.encode() for mark in marks} <= {payload for _, payload, _ in instrument.heard})
        instrument.publish("end", b"end")
        wait_for(lambda: ("end", b"end", False) in instrument.heard)
        for seen, payload, _ in instrument.heard:
            if payload != b"end" and not seen.startswith("$SYS/broker"):
                way, who, where = payload.decode().split(" ")
                assert where == seen
                through.setdefault(way, set()).add((who, where))
    return through


def allowed() -> set[tuple[str, str]]:
    return {(who, where) for who, where in itertools.product(EVERYBODY, TOPICS) if may_write(who, where)}


def test_nobody_writes_where_they_may_not_in_any_way(broker: TlsBroker):
    let_instrument_in(broker)
    broker.start()

    through = accepted(broker)

    assert len(EVERYBODY) * len(TOPICS) * 3 > 600
    assert through == {way: allowed() for way in ("plain", "retained", "will")}


def test_a_hole_in_the_rules_would_be_seen(broker: TlsBroker):
    """The check above has teeth: with two lines more it finds foreign writers in every way of writing."""
    let_instrument_in(broker, HOLE)
    broker.start()

    through = accepted(broker)

    for way in ("plain", "retained", "will"):
        foreign = through[way] - allowed()
        assert len(foreign) >= len(TERMINALS) * len(TERMINALS)


def has_heard(client: Client, message: tuple[str, bytes, bool]) -> bool:
    return message in client.heard


@pytest.mark.parametrize("more", ["", HOLE], ids=["rules", "hole"])
def test_nobody_hears_what_is_not_for_them_however_they_ask(broker: TlsBroker, more: str):
    let_instrument_in(broker, more)
    broker.start()
    heard: dict[str, set[str]] = {}
    with ExitStack() as stack:
        instrument = stack.enter_context(closing(connected(broker, "instrument")))
        for where in TOPICS:
            instrument.publish(where, b"kept", retain=True)
        clients = {who: stack.enter_context(closing(connected(broker, who))) for who in EVERYBODY}
        for client in clients.values():
            client.subscribe(*FILTERS)
        for where in TOPICS:
            instrument.publish(where, b"new")
        for who, client in clients.items():
            last = topic(TerminalId(who), Channel.WANT)
            instrument.publish(last, b"end")
            wait_for(partial(has_heard, client, (last, b"end", False)))
            heard[who] = {where for where, payload, _ in client.heard if payload in {b"kept", b"new"}}
            both = {(where, payload) for where, payload, _ in client.heard if payload != b"end"}
            assert {where for where, payload in both if payload == b"kept"} == heard[who]

    expected = {who: {where for where in TOPICS if may_read(who, where)} for who in EVERYBODY}
    if more:
        foreign = set.union(*(heard[who] - expected[who] for who in TERMINALS))
        assert len(foreign) >= len(TERMINALS)
    else:
        assert heard == expected


def test_a_terminal_cannot_take_punches_away_by_joining_the_workers(broker: TlsBroker):
    """mosquitto grants any subscription and filters on delivery: a guest of the group swallows a part."""
    broker.start()
    a, b = TERMINALS[:2]
    with (
        closing(Client(broker.worker_port, broker.worker, "worker-1").connect()) as worker,
        closing(connected(broker, a)) as thief,
        closing(connected(broker, b)) as door,
    ):
        worker.subscribe(shared(Channel.UP, share_group(broker.worker)))
        thief.subscribe(shared(Channel.UP), shared(Channel.UP, "thieves"))
        for number in range(40):
            door.publish(topic(TerminalId(b), Channel.UP), b"%d" % number)
        wait_for(lambda: len(worker.heard) >= 40)
        assert {payload for _, payload, _ in worker.heard} == {b"%d" % number for number in range(40)}
        assert thief.heard == []


def test_a_terminal_cannot_push_another_off_its_connection(broker: TlsBroker):
    broker.start()
    a, b = TERMINALS[:2]
    with closing(Client(broker.port, broker.credentials(a), a).connect()) as victim:
        with closing(Client(broker.port, broker.credentials(b), a).connect()) as thief:
            thief.publish(topic(TerminalId(b), Channel.UP), b"still me")
        victim.publish(topic(TerminalId(a), Channel.UP), b"still here")
        assert victim.lost == ""


def refusal(broker: TlsBroker, credentials: Path, port: int | None = None) -> str:
    """Nobody gets in with this, and the broker says why."""
    at = port or broker.port
    with pytest.raises((ConnectionError, ssl.SSLError)):
        Client(at, credentials, "x").connect()
    context = ssl.create_default_context(cadata=broker.authority.pem)
    context.load_cert_chain(credentials)
    with pytest.raises(ssl.SSLError) as refused:
        try_handshake("127.0.0.1", at, context, 5)
    return str(refused.value).upper().replace(" ", "_")


@pytest.mark.parametrize("port", ["port", "worker_port"])
def test_only_a_good_certificate_of_this_site_comes_in(broker: TlsBroker, tmp_path: Path, port: str):
    broker.start()
    at = int(getattr(broker, port))
    stranger = Authority.open(tmp_path / "another-site", CLOCK.wall_ms())

    assert "UNKNOWN_CA" in refusal(broker, broker.credentials("t-a", authority=stranger), at)
    expired = broker.credentials("t-a", timedelta(seconds=-1))
    assert "CERTIFICATE_EXPIRED" in refusal(broker, expired, at)

    bare = ssl.create_default_context(cadata=broker.authority.pem)
    with pytest.raises(ssl.SSLError, match="certificate required"):
        try_handshake("127.0.0.1", at, bare, 5)

    with closing(Client(at, broker.credentials("t-a"), "x").connect()):
        pass


def test_a_revoked_certificate_is_refused_after_a_reload_and_open_connections_fall_silent(broker: TlsBroker):
    let_instrument_in(broker)
    broker.start()
    a, b = TERMINALS[:2]
    revoked, fine = broker.credentials(a), broker.credentials(b)
    with (
        closing(connected(broker, "instrument")) as instrument,
        closing(Client(broker.port, revoked, a).connect()) as open_one,
    ):
        instrument.subscribe(f"{ROOT}/#")
        open_one.publish(topic(TerminalId(a), Channel.UP), b"before")
        wait_for(lambda: len(instrument.heard) == 1)

        crl = broker.authority.revocation_list([(serial_of(revoked), CLOCK.wall_ms())], CLOCK.wall_ms())
        (broker.directory / "crl.pem").write_bytes(crl)
        (broker.directory / "acl").write_text(access_rules([a]))
        let_instrument_in(broker)
        broker.reload()

        assert "CERTIFICATE_REVOKED" in refusal(broker, revoked)
        with closing(Client(broker.port, fine, b).connect()) as other:
            other.publish(topic(TerminalId(b), Channel.UP), b"other")
        with suppress(ConnectionError):  # thrown off is as good
            open_one.publish(topic(TerminalId(a), Channel.UP), b"after")
        instrument.publish(f"{ROOT}/x/want", b"end")
        wait_for(lambda: any(payload == b"end" for _, payload, _ in instrument.heard))
        assert [payload for _, payload, _ in instrument.heard] == [b"before", b"other", b"end"]


def test_a_terminal_s_certificate_does_not_make_a_broker(broker: TlsBroker):
    """A stolen terminal cannot pretend to be the broker, not even at the right address."""
    credentials = broker.credentials("127.0.0.1")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(credentials)
    terminal = ssl.create_default_context(cadata=broker.authority.pem)
    terminal.check_hostname = False

    with pytest.raises(ssl.SSLCertVerificationError, match="unsuitable certificate purpose"):
        shake_hands(server, terminal)


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    """In memory, until either side is unhappy."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server, server_hostname="127.0.0.1"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue


def test_tls_is_1_3_and_never_below_1_2(broker: TlsBroker):
    broker.start()
    for newest, spoken in [(ssl.TLSVersion.TLSv1_3, "TLSv1.3"), (ssl.TLSVersion.TLSv1_2, "TLSv1.2")]:
        context = ssl.create_default_context(cadata=broker.authority.pem)
        context.load_cert_chain(broker.credentials("t-a"))
        context.maximum_version = newest
        with (
            socket.create_connection(("127.0.0.1", broker.port)) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            assert secure.version() == spoken
    assert "tls_version tlsv1.2" in (broker.directory / "mosquitto.conf").read_text()


def test_a_message_that_is_too_large_is_not_taken(broker: TlsBroker):
    broker.start()
    with closing(connected(broker, TERMINALS[0])) as client:
        client.publish(topic(TerminalId(TERMINALS[0]), Channel.UP), bytes(64 * 1024))
        with pytest.raises(ConnectionError):
            client.publish(topic(TerminalId(TERMINALS[0]), Channel.UP), bytes(80 * 1024))
