from __future__ import annotations

import pytest
from sqlalchemy import insert

from cloud.db.engine import Database
from cloud.db.tables import certificates
from cloud.reports.fleet import Standing, list_doors
from models.clock import to_ms
from models.wire.messages import Part, TerminalState
from tests.e2e.pages_seed import NOW, add_terminal
from tests.unit.cloud.web.conftest import Browsers

DAY_MS = 86_400_000


def certify(database: Database, number: int, name: str, issued_ms: int, days: int) -> None:
    terminal = add_terminal(database, number, name, to_ms(NOW) - 10_000)
    with database.write() as connection:
        connection.execute(
            insert(certificates).values(
                serial=f"{number}",
                terminal_id=terminal,
                fingerprint="f",
                key_hash="k",
                pem="",
                issued_ms=issued_ms,
                not_after_ms=issued_ms + days * DAY_MS,
            )
        )


@pytest.mark.parametrize(("age_days", "is_told"), [(0, False), (299, False), (305, True), (366, True)])
def test_a_certificate_that_should_have_been_renewed_is_told(
    browsers: Browsers, database: Database, age_days: int, is_told: object
):
    certify(database, 5, "前门", to_ms(NOW) - age_days * DAY_MS, 365)

    text = browsers.of("hr").get("/terminals").text

    assert ("尚未续期" in text) is is_told
    with database.read() as connection:
        (door,) = [one for one in list_doors(connection, to_ms(NOW)) if one.name == "前门"]
    assert (door.certificate_ends_ms is not None) is is_told
    assert (door.standing is Standing.AILING) or not is_told


def test_a_terminal_that_goes_by_https_says_what_is_wrong_with_the_broker(
    browsers: Browsers, database: Database
):
    state = TerminalState(1, "t", online=True, parts=(Part("broker", "away", "the certificate <expired>"),))
    add_terminal(database, 5, "前门", to_ms(NOW) - 10_000, state)

    text = browsers.of("hr").get("/terminals").text

    assert "经 HTTPS 上传，未经消息服务器： the certificate &lt;expired&gt;" in text
    assert "需要留意" in text
