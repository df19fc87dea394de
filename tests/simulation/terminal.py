"""One terminal: the product's ledger, recorder and uplink, on a clock and a disk that fail."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from random import Random
from typing import TYPE_CHECKING, Any

import apsw
import msgspec

from edge.errors import LedgerUnavailable, LedgerUnsafe
from edge.health.clock_quality import judge
from edge.health.machine import Machine
from edge.identification import Identified
from edge.punch import rows, streams
from edge.punch.file import LedgerFile
from edge.punch.proving import proof_of
from edge.punch.recorder import NotRecorded, PunchRecorder, Recorded
from edge.sync.core import MarkDelivered
from edge.sync.link import Login
from edge.sync.uplink import Report
from models import ids
from models.ids import PersonId, TerminalId
from models.proof import Fault, check_stream
from models.punch import ClockQuality, Direction, Method
from models.wire.topics import Channel
from tests.simulation.clock import DeviceClock
from tests.simulation.disk import Died, Disk, DiskVfs, Torn
from tests.simulation.history import AGAIN, FAIL, OK, Attempt, content
from tests.simulation.loop import DAY, SECOND
from tests.simulation.office import RosterDesk
from tests.simulation.uplink import SimUplink

if TYPE_CHECKING:
    from tests.simulation.world import World

KILL, CUT, IO_ERROR, TORN = "kill", "power_cut", "io_error", "torn_write"
STEPS = ("shown", "before publish", "after publish", "before mark", "after mark")
"""Where it may die beside any change of its disk. ``shown``: the punch is durable, the screen dark."""

_OLD_FIELDS = 17
"""Of TerminalState, before reconciliation; the other messages have fewer."""


class Terminal:
    """A terminal in the world.

    Attributes:
        node: its name in the network.
        card: the name of its disk's contents, for the checker; a disk put back from a copy is another card.
        doom: the step at which it dies next, and how.
        plan: after so many more changes of the disk, what happens there.
        full: whether nothing may grow on its disk.
        old: whether it speaks an older minor version of the wire, in JSON.
        roster_version: the roster in its state folder, which is not on the ledger's disk.
    """

    def __init__(
        self,
        world: World,
        node: str,
        terminal_id: TerminalId,
        disk: Disk,
        vfs: DiskVfs,
        *,
        battery: bool,
        old: bool,
    ) -> None:
        self.world = world
        self.node = node
        self.terminal_id = terminal_id
        self.card = node
        self.disk = disk
        self.battery = battery
        self.old = old
        self.alive = False
        self.full = False
        self.doom: tuple[str, str] | None = None
        self.plan: tuple[int, str] | None = None
        self.life = 0
        self.uplink: SimUplink | None = None
        self.ledger: LedgerFile | None = None
        self.roster: RosterDesk | None = None
        self.roster_version = 1
        self._vfs = vfs
        self._random: Random = world.random(node)
        self.clock = DeviceClock(world.loop, self._random.randint(-40, 40), battery=battery)
        self._cloud_url = self._random.choice(("", "https://cloud"))
        self._boots = 0
        self._death = ""
        self._failed_sync = False
        self._random_bytes = b""
        self._wake_at: int | None = None

    # -- life and death --------------------------------------------------------------------------------------

    def power_on(self, *, rebooted: bool) -> None:
        """Start the agent; after a power cut the machine has booted anew."""
        if self.alive:
            return
        if rebooted:
            self._boots += 1
            self.world.network.faults["no_battery"] += not self.battery
            self.clock.boot(network=not self.world.network.faulty or self._random.random() < 0.6)
        self.alive = True
        self.life += 1
        self.disk.before = self._before_change
        self.guarded(self._start)

    def _start(self) -> None:
        loop = self.world.loop
        machine = Machine(f"machine {self.node}", f"boot {self._boots}")
        ledger = LedgerFile(
            self.disk.folder / "punches.db",
            self.terminal_id,
            machine,
            sign,
            self._random.randbytes,
            self._vfs.name,
        )
        try:
            ledger.open()
            kept = ledger.write(_kept)
            self._newest_synced_ms = ledger.write(rows.newest_synced_ms)
            self.uplink = SimUplink(
                self,
                ledger,
                Login(self.terminal_id, self.node, "mqtt://broker", cloud_url=self._cloud_url),
                self.clock,
                report=self._report,
            )
        except LedgerUnsafe as error:
            self.world.history.fail("ledger damaged", f"{self.node}: {error}")
        except LedgerUnavailable:
            self.world.history.reached["ledger could not be opened"] += 1
            self.alive = False
            loop.after(600 * SECOND, self._try_again, self.life)
            return
        self.world.history.on_card(self.card, kept)
        self.ledger = ledger
        self.recorder = PunchRecorder(
            ledger, self.clock, self._quality, random_bytes=lambda _: self._random_bytes
        )
        loop.note(self.node, "started", ledger.boot, ledger.stream.stream_id.hex()[:8])
        self.roster = RosterDesk(self, self.world.office)
        self._prune(self.life)
        self._wake_at = None
        self._advance()

    def _try_again(self, life: int) -> None:
        if life == self.life:
            self.power_on(rebooted=False)

    def guarded(self, call: Callable[..., None], *args: Any) -> None:
        """Do something that may be this terminal's last."""
        self._vfs.disk = self.disk
        try:
            call(*args)
        except Died:
            self._die()
        finally:
            self._vfs.disk = None

    def stop(self, how: str) -> None:
        """End it from outside."""
        if self.alive:
            self._death = how
            self._die()

    def unplug(self) -> None:
        """Without power until somebody switches it on."""
        self.stop(CUT)
        self.life += 1

    def update(self) -> None:
        """A version that tells nothing of its older streams cannot give back what the cloud lost of them."""
        if self.old:
            self.old = False
            self.stop(KILL)

    def _die(self) -> None:
        loop = self.world.loop
        loop.note(self.node, "died", self._death)
        self.alive = False
        self.doom = self.plan = None
        old = self.disk
        pending = any(each.pending for each in old.files.values())
        self.world.history.reached["torn tail recovered"] += pending and self._death == CUT
        self.disk = old.cut(self._random) if self._death == CUT else old.kill()
        self._vfs.disk = old
        self._abandon()
        self._vfs.disk = None
        self.world.vanished(self.node, at_once=self._death != CUT)
        down = self._random.choice((SECOND, 20 * SECOND, 5 * 60 * SECOND))
        loop.after(down, self._come_back, self.life, self._death == CUT)

    def _come_back(self, life: int, rebooted: bool) -> None:  # noqa: FBT001 - a callback
        if life == self.life:
            self.power_on(rebooted=rebooted)

    def _abandon(self) -> None:
        """Let go of the dead process's connection; its disk takes nothing any more."""
        if self.ledger is not None:
            connection, self.ledger._connection = self.ledger._connection, None
            if connection is not None:
                try:
                    connection.close()
                except (apsw.Error, Died):
                    self.world.history.reached["process died with its database open"] += 1
        self.ledger = self.uplink = self.roster = None

    def step(self, name: str) -> None:
        """The terminal reached a step at which it may be doomed."""
        if self.doom is not None and self.doom[0] == name:
            self._death = self.doom[1]
            self.disk.dead = True
            self.world.history.reached["durable, and the screen never lit"] += name == "shown"
            self.world.died_at[f"terminal: {name}"] += 1
            raise Died

    # -- the disk --------------------------------------------------------------------------------------------

    def _before_change(self, operation: str, name: str, growth: int) -> None:
        faults = self.world.network.faults
        if self.full and growth > 0:
            faults["disk_full"] += 1
            raise apsw.FullError("database or disk is full")
        if self.plan is None:
            return
        after, what = self.plan
        self.plan = (after - 1, what)
        if after > 0:
            return
        self.plan = None
        self.world.loop.note(self.node, what, operation, name)
        if what in {KILL, CUT}:
            self._death = what
            self.disk.dead = True
            faults[what] += 1
            self.world.died_at[f"terminal: {operation}"] += 1
            raise Died
        faults[what] += 1
        if operation == "sync":
            self._failed_sync = True
        if what == TORN and operation == "write":
            raise Torn(self._random.randint(1, 400))
        raise apsw.IOError("disk I/O error")

    def _prune(self, life: int) -> None:
        """What the agent does once a day."""
        if life != self.life or self.ledger is None:
            return
        self.guarded(self._prune_now)
        self.world.loop.after(DAY, self._prune, life)

    def _prune_now(self) -> None:
        if self.ledger is None:
            return
        try:
            if self.ledger.prune():
                self.world.history.on_card(self.card, self.ledger.write(_kept))
        except LedgerUnavailable:
            self.world.history.reached["prune failed"] += 1

    # -- people ----------------------------------------------------------------------------------------------

    def punch(self, person_id: PersonId) -> str:
        """Somebody was identified; what the screen said, "" if it is dark."""
        if not self.alive or self.ledger is None:
            self.world.history.reached["the door was dark"] += 1
            return ""
        wall_ms = self.clock.wall_ms()
        self._random_bytes = self._random.randbytes(10)
        attempt = Attempt(
            person_id=person_id,
            terminal_id=self.terminal_id,
            card=self.card,
            punch_id=ids.punch_id(wall_ms, self._random_bytes).bytes,
            wall_ms=wall_ms,
            true_ms=self.world.loop.wall_ms,
        )
        self.world.history.invoke(attempt)
        self._failed_sync = False
        self.guarded(self._record, attempt)
        self.world.loop.note(self.node, person_id, attempt.outcome, attempt.punch_id.hex()[-12:])
        return attempt.outcome

    def _record(self, attempt: Attempt) -> None:
        method = self._random.choice(list(Method))
        score = self._random.randint(400, 990) if method in {Method.FACE, Method.FINGER} else None
        direction = self._random.choice(list(Direction))
        outcome = self.recorder.record(Identified(attempt.person_id, method, score), direction)
        if isinstance(outcome, Recorded):
            attempt.made = content(outcome.punch)
            attempt.boot = outcome.punch.boot
            self.step("shown")
            attempt.outcome = OK
            if outcome.punch.wall_ms != attempt.wall_ms:
                self.world.history.fail("clock", f"shown {attempt.wall_ms}, stored {outcome.punch.wall_ms}")
        elif isinstance(outcome, NotRecorded):
            attempt.outcome, attempt.maybe = FAIL, self._failed_sync
            self.world.history.reached["full disk refused" if self.full else "told: not recorded"] += 1
        else:
            attempt.outcome = AGAIN
            self.world.history.reached["double tap"] += 1
        self._advance()

    def rebuild(self) -> None:
        """Have the uplink read its ledger again."""
        if self.uplink is not None:
            self.uplink._stale = True
            self._advance()

    # -- the uplink ------------------------------------------------------------------------------------------

    def poke(self) -> None:
        """Something for the uplink happened."""
        if self.alive and self.uplink is not None:
            self.guarded(self._advance)

    def _advance(self) -> None:
        if self.uplink is None:
            return
        self.uplink.advance()
        now = self.clock.monotonic_ms()
        waits = [max(1, at - now) for at in self.uplink.due_ms()]
        if waits:
            self._wake_in(min(waits))

    def _wake_in(self, delay: int) -> None:
        at = self.world.loop.now + delay
        if self._wake_at is None or at < self._wake_at or self._wake_at <= self.world.loop.now:
            self._wake_at = at
            self.world.loop.after(delay, self._wake, self.life, at)

    def _wake(self, life: int, at: int) -> None:
        if life == self.life and self._wake_at == at:
            self._wake_at = None
            self.poke()

    def check_ack(self, effect: MarkDelivered) -> None:
        """An acknowledgement is about to be believed."""
        if self.ledger is None:
            return
        stream = next(each for each in self.ledger.streams if each.stream_id == effect.stream_id)
        here = {
            punch.seq: punch.punch_id.bytes
            for span in effect.seqs.spans
            for punch in self.ledger.write(partial(_between, stream, span))
        }
        self.world.history.acked(self.terminal_id, effect.stream_id, effect.seqs, here)

    def discard(self) -> None:
        """The simulation is over."""
        self._vfs.disk = self.disk
        self.disk.dead = True
        self._abandon()
        self._vfs.disk = None

    def check_card(self) -> None:
        """What was said to be recorded is still on the card, whole."""
        if self.ledger is None:
            self.world.history.fail("not healed", f"{self.node} does not run")
            return
        self._vfs.disk = self.disk
        self.world.history.on_card(self.card, self.ledger.write(_kept))
        faults = self.ledger.write(chain_faults)
        self._vfs.disk = None
        if faults:
            self.world.history.fail("chain", f"{self.node}: {faults}")

    def waiting(self) -> int:
        """Punches that still have to reach the cloud."""
        if self.ledger is None:
            return 1
        self._vfs.disk = self.disk
        try:
            return self.ledger.write(rows.count_waiting)
        except LedgerUnavailable:
            return 1
        finally:
            self._vfs.disk = None

    def hear(self, channel: Channel, payload: bytes) -> None:
        """The broker delivered something, perhaps meant for an earlier connection or life."""
        if self.alive and self.uplink is not None:
            self.uplink.hear(channel, payload)
            self.poke()

    def encode(self, payload: bytes) -> bytes:
        """The message as its version sends it: an old one knows no newer fields, and speaks JSON."""
        if not self.old:
            return payload
        self.world.network.faults["old_version"] += 1
        fields: list[object] = msgspec.msgpack.decode(payload)
        return msgspec.json.encode(fields[:_OLD_FIELDS])

    def replace_card(self, disk: Disk, known: set[bytes]) -> None:
        """An older copy of the card is put in; punches not in ``known`` went with what it overwrote."""
        self.stop(KILL)
        for attempt in self.world.history.attempts.values():
            if attempt.card == self.card and attempt.punch_id not in known:
                attempt.destroyed = True
        self.disk = disk

    def _quality(self) -> ClockQuality:
        return judge(
            wall_ms=self.clock.wall_ms(),
            synchronised=self.clock.synchronised,
            offset_ms=self.uplink.offset_ms if self.uplink else None,
            newest_synced_ms=self._newest_synced_ms,
        )

    def _report(self) -> Report:
        return Report(clock=self._quality())


def sign(message: bytes) -> bytes:
    """A signature as far as a simulation needs one; cheaper than Ed25519."""
    return blake2b(message, key=b"the terminal's", digest_size=64).digest()


def _is_signed(message: bytes, signature: bytes) -> bool:
    return sign(message) == signature


def chain_faults(db: apsw.Connection) -> list[Fault]:
    """What the product's own proof finds wrong with a ledger."""
    faults = (check_stream(proof_of(db, stream), _is_signed) for stream in streams.read(db))
    return [fault for fault in faults if fault is not None]


def _kept(db: apsw.Connection) -> set[bytes]:
    return {punch_id for (punch_id,) in db.execute("SELECT punch_id FROM punches")}


def _between(stream: streams.Stream, span: tuple[int, int], db: apsw.Connection) -> list[Any]:
    return rows.between(db, stream, *span)
