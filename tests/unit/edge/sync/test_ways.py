from __future__ import annotations

from edge.sync.ways import OUTAGE_MS, SILENCE_MS, STEADY_MS, Close, Open, Step, Use, Way, Ways

DELAY_MS = 1_000
MUTE_MS = 30_000
LOST_MS = 8_000


class Steady:
    """Delays that do not grow, and remember when they were reset."""

    def __init__(self, ms: int) -> None:
        self.ms = ms
        self.resets = 0

    def next_ms(self) -> int:
        return self.ms

    def reset(self) -> None:
        self.resets += 1


def ways(*, https: bool = True) -> tuple[Ways, Steady]:
    mute = Steady(MUTE_MS)
    return Ways(Steady(DELAY_MS), Steady(DELAY_MS) if https else None, mute, Steady(LOST_MS)), mute


def on_https(made: Ways) -> None:
    """The broker refuses from 0 on; HTTPS is in use from ``OUTAGE_MS`` on."""
    assert made.look(0, silent=False) == (Open(Way.MQTT),)
    made.down(Way.MQTT, 0)
    assert made.look(OUTAGE_MS, silent=False) == (Open(Way.MQTT), Open(Way.HTTPS))
    assert made.up(Way.HTTPS, OUTAGE_MS) == (Use(Way.HTTPS),)
    made.down(Way.MQTT, OUTAGE_MS)


def test_the_broker_is_tried_first_and_https_only_after_an_outage():
    made, _ = ways()

    assert made.look(0, silent=False) == (Open(Way.MQTT),)
    assert made.look(OUTAGE_MS - 1, silent=False) == ()
    assert made.look(OUTAGE_MS, silent=False) == (Open(Way.HTTPS),)


def test_without_a_cloud_url_there_is_only_the_broker():
    made, _ = ways(https=False)
    made.look(0, silent=False)
    made.down(Way.MQTT, 0)

    assert made.look(OUTAGE_MS, silent=False) == (Open(Way.MQTT),)


def test_only_a_connection_that_lasted_makes_the_next_failure_the_first():
    """Found by the simulation: a terminal and its copy pushed each other off the broker once a second."""
    mqtt = Steady(DELAY_MS)
    made = Ways(mqtt, None, Steady(MUTE_MS), Steady(LOST_MS))
    made.look(0, silent=False)
    made.up(Way.MQTT, 0)
    made.down(Way.MQTT, STEADY_MS - 1)
    assert mqtt.resets == 0

    made.look(2 * STEADY_MS, silent=False)
    made.up(Way.MQTT, 2 * STEADY_MS)
    made.down(Way.MQTT, 3 * STEADY_MS)
    assert mqtt.resets == 1


def test_who_loses_a_connection_that_lasted_waits_until_a_copy_of_the_card_is_answered():
    """Found by the simulation (seed 4496): back within a second, it pushed its copy off every time."""
    made, _ = ways(https=False)
    made.look(0, silent=False)
    made.up(Way.MQTT, 0)
    made.down(Way.MQTT, STEADY_MS)
    assert made.due_ms() == STEADY_MS + LOST_MS

    made.look(STEADY_MS + LOST_MS, silent=False)
    made.down(Way.MQTT, STEADY_MS + LOST_MS)
    assert made.due_ms() == STEADY_MS + LOST_MS + DELAY_MS


def test_a_short_outage_is_no_reason():
    made, _ = ways()
    made.look(0, silent=False)
    made.up(Way.MQTT, 0)
    made.down(Way.MQTT, 5_000)

    assert made.look(OUTAGE_MS, silent=False) == (Open(Way.MQTT),)


def test_the_broker_is_used_again_as_soon_as_it_is_back():
    made, _ = ways()
    on_https(made)

    assert made.look(OUTAGE_MS + DELAY_MS, silent=False) == (Open(Way.MQTT),)
    assert made.in_use is Way.HTTPS
    assert made.up(Way.MQTT, OUTAGE_MS + DELAY_MS) == (Close(Way.HTTPS), Use(Way.MQTT))
    assert made.look(OUTAGE_MS + DELAY_MS, silent=False) == ()


def test_a_broker_behind_which_nobody_answers_is_left_for_https_and_then_for_a_while():
    made, _ = ways()
    made.look(0, silent=False)
    made.up(Way.MQTT, 0)
    assert made.look(5_000, silent=True) == ()
    assert made.look(5_000 + SILENCE_MS, silent=True) == (Open(Way.HTTPS),)
    assert made.in_use is Way.MQTT

    assert made.up(Way.HTTPS, 16_000) == (Close(Way.MQTT), Use(Way.HTTPS))

    assert made.due_ms() == 16_000 + MUTE_MS
    assert made.look(16_000 + MUTE_MS - 1, silent=False) == ()
    assert made.look(16_000 + MUTE_MS, silent=False) == (Open(Way.MQTT),)


def test_a_broker_that_answers_after_all_is_kept():
    made, _ = ways()
    made.look(0, silent=False)
    made.up(Way.MQTT, 0)
    made.look(5_000, silent=True)
    made.look(5_000 + SILENCE_MS, silent=True)

    made.look(15_500, silent=False)

    assert made.up(Way.HTTPS, 16_000) == (Close(Way.HTTPS),)
    assert made.in_use is Way.MQTT


def test_while_neither_answers_the_broker_stays_in_use_and_https_is_tried_again():
    made, _ = ways()
    made.look(0, silent=False)
    made.up(Way.MQTT, 0)
    made.look(5_000, silent=True)
    made.look(15_000, silent=True)

    assert made.down(Way.HTTPS, 15_100) == ()
    assert made.look(15_200, silent=True) == ()
    assert made.look(15_100 + DELAY_MS, silent=True) == (Open(Way.HTTPS),)


def test_losing_the_way_in_use_says_so_and_losing_the_other_does_not():
    made, _ = ways()
    on_https(made)
    made.look(OUTAGE_MS + DELAY_MS, silent=False)

    assert made.down(Way.MQTT, OUTAGE_MS + DELAY_MS) == ()
    assert made.down(Way.HTTPS, OUTAGE_MS + DELAY_MS) == (Use(None),)
    assert made.in_use is None


def test_only_an_answer_by_the_broker_ends_the_distrust_of_it():
    made, mute = ways()

    made.answered(Way.HTTPS)
    assert mute.resets == 0
    made.answered(Way.MQTT)
    assert mute.resets == 1


def test_never_are_both_in_use_nor_is_a_way_opened_twice():
    """Whatever happens in whatever order, the shell can carry the steps out."""
    from random import Random

    for seed in range(300):
        random = Random(seed)
        made, _ = ways()
        is_open: set[Way] = set()
        is_up: set[Way] = set()
        in_use: Way | None = None
        now = 0
        for _ in range(60):
            now += random.randrange(8_000)
            opening = sorted(is_open - is_up)
            choices = [made.look(now, silent=random.random() < 0.5)]
            steps: tuple[Step, ...] = choices[0]
            if is_open and random.random() < 0.7:
                way = random.choice(sorted(is_open))
                if way in opening and random.random() < 0.6:
                    is_up.add(way)
                    steps = (*steps, *made.up(way, now))
                else:
                    is_open.discard(way)
                    is_up.discard(way)
                    steps = (*steps, *made.down(way, now))
            for step in steps:
                match step:
                    case Open(way):
                        assert way not in is_open
                        is_open.add(way)
                    case Close(way):
                        assert way in is_open
                        is_open.discard(way)
                        is_up.discard(way)
                    case Use(used):
                        assert used is None or used in is_up
                        in_use = used
            assert made.in_use is in_use
            assert len(is_up) <= 1
