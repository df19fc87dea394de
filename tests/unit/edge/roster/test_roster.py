from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from edge.errors import BadSettings, CannotStart, ClaimRefused, CloudUnavailable, NotClaimed
from edge.roster.cloud import Unchanged, claim, fetch_roster
from edge.roster.identity import Identity, load_identity, prepare_state, save_identity
from edge.roster.refresher import RosterRefresher
from edge.roster.store import Roster, RosterStore
from models.clock import SystemClock
from models.ids import PersonId
from models.person import Language
from models.wire.messages import Claim, Claimed, RosterPerson
from models.wire.messages import Roster as WireRoster
from tests.integration.peers import HttpCloud, wait_for

LI_LEI = RosterPerson("p-1", "1001", "李雷", "zh", "$argon2id$...")
HAN = RosterPerson("p-2", "1002", "Han Meimei", "en")
FIRST = WireRoster("v1", "hq", "Asia/Shanghai", (LI_LEI,))
SECOND = WireRoster("v2", "hq", "Asia/Shanghai", (LI_LEI, HAN))
CLAIMED = Claimed("t-1", "Front door", HttpCloud.TOKEN, "mqtt://127.0.0.1", "hq", "Asia/Shanghai")


@pytest.fixture
def cloud() -> Iterator[HttpCloud]:
    peer = HttpCloud(FIRST)
    peer.start()
    yield peer
    peer.stop()


def test_a_claim_is_kept_private_and_read_back(cloud: HttpCloud, tmp_path: Path):
    state = tmp_path / "deep" / "state"
    claimed = claim(cloud.url + "/", Claim(HttpCloud.CODE))
    prepare_state(state)

    save_identity(state, Identity(cloud.url, claimed))

    assert load_identity(state) == Identity(cloud.url, claimed)
    assert stat.S_IMODE((state / "terminal.json").stat().st_mode) == 0o600
    assert [path.name for path in state.iterdir()] == ["terminal.json"]


def test_a_wrong_code_is_refused_in_the_cloud_s_words(cloud: HttpCloud):
    with pytest.raises(ClaimRefused, match="the code is wrong"):
        claim(cloud.url, Claim("WRONG"))


@pytest.mark.parametrize("url", ["", "cloud.example", "ftp://cloud.example", "http://"])
def test_what_is_no_address_is_named(url: str):
    with pytest.raises(BadSettings, match="is no http"):
        claim(url, Claim("X"))


def test_a_cloud_that_is_not_there_may_come_back():
    with pytest.raises(CloudUnavailable, match="does not answer"):
        claim("http://127.0.0.1:9", Claim("X"))


def test_a_terminal_that_is_not_claimed_says_what_to_do(tmp_path: Path):
    with pytest.raises(NotClaimed, match="kaoqin-edge claim CODE"):
        load_identity(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xff", b'{"cloud_url": 3}'])
def test_a_damaged_identity_is_named(tmp_path: Path, content: bytes):
    (tmp_path / "terminal.json").write_bytes(content)

    with pytest.raises(NotClaimed, match=r"terminal.json is damaged"):
        load_identity(tmp_path)


def test_a_state_folder_that_cannot_be_is_found_out_before_the_code_is_used(tmp_path: Path):
    (tmp_path / "file").touch()

    with pytest.raises(CannotStart, match="cannot write in"):
        prepare_state(tmp_path / "file" / "state")


def test_the_roster_is_fetched_only_when_it_is_another(cloud: HttpCloud):
    assert fetch_roster(cloud.url, HttpCloud.TOKEN, "") == FIRST
    assert fetch_roster(cloud.url, HttpCloud.TOKEN, "v1") == Unchanged()
    assert fetch_roster(cloud.url, HttpCloud.TOKEN, "v0") == FIRST
    with pytest.raises(CloudUnavailable, match="401: no token"):
        fetch_roster(cloud.url, "another", "")


def test_people_are_found_by_id_and_number(tmp_path: Path):
    roster = RosterStore(tmp_path).replace(SECOND)

    person = roster.by_employee_no("1002")
    assert person is not None
    assert (person.person_id, person.name, person.language) == ("p-2", "Han Meimei", Language.EN)
    assert roster.person(PersonId("p-2")) is person
    assert roster.person(PersonId("p-3")) is None
    assert roster.by_employee_no("9") is None
    assert len(roster.people) == 2


def test_the_roster_is_there_without_the_cloud(tmp_path: Path):
    kept = RosterStore(tmp_path).replace(SECOND)

    assert RosterStore(tmp_path).current == kept
    assert stat.S_IMODE((tmp_path / "roster.json").stat().st_mode) == 0o600


def test_a_damaged_roster_does_not_keep_the_door_closed(tmp_path: Path):
    RosterStore(tmp_path).replace(SECOND)
    whole = (tmp_path / "roster.json").read_bytes()
    (tmp_path / "roster.json").write_bytes(whole[:-10])

    assert RosterStore(tmp_path).current == Roster()


def test_a_language_from_the_future_is_chinese(tmp_path: Path):
    fresh = msgspec.structs.replace(FIRST, people=(RosterPerson("p-1", "1", "Jan", "nl"),))

    assert RosterStore(tmp_path).replace(fresh).people[0].language is Language.ZH


def test_a_disk_that_refuses_the_file_still_lets_the_new_people_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store = RosterStore(tmp_path)
    store.replace(FIRST)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge.roster.files.os.fsync", full)
    store.replace(SECOND)

    assert store.current.version == "v2"
    assert RosterStore(tmp_path).current.version == "v1"


def test_the_refresher_asks_at_once_and_when_another_version_is_announced(cloud: HttpCloud, tmp_path: Path):
    store = RosterStore(tmp_path)
    refresher = RosterRefresher(store, Identity(cloud.url, CLAIMED), SystemClock())
    refresher.start()
    wait_for(lambda: store.current.version == "v1")
    refresher.announced("v1")
    refresher.announced("")
    cloud.roster = SECOND

    refresher.announced("v2")

    wait_for(lambda: store.current.version == "v2")
    refresher.stop()
    assert cloud.asked == [("roster", ""), ("roster", '"v1"')]


def test_a_sick_cloud_changes_nothing(cloud: HttpCloud, tmp_path: Path):
    store = RosterStore(tmp_path)
    store.replace(FIRST)
    cloud.is_sick = True

    refresher = RosterRefresher(store, Identity(cloud.url, CLAIMED), SystemClock())
    refresher.start()
    wait_for(lambda: bool(cloud.asked))
    refresher.stop()

    assert store.current.version == "v1"
