from __future__ import annotations

import io
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud.cli import main
from cloud.commands.importing import KINDS
from cloud.commands.kinds import IMPORTED
from cloud.db.engine import Database

Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("KAOQIN_CLOUD_STATE", str(tmp_path / "state"))
    return lambda *arguments: main(list(arguments))


def test_migrate_says_what_it_did(run: Run, capsys: pytest.CaptureFixture[str]):
    assert run("migrate") == 0
    assert run("migrate") == 0
    assert capsys.readouterr().out == "made a new database\nthe database is up to date\n"


def test_what_can_be_asked_for_is_what_import_knows():
    assert sorted(KINDS) == sorted(IMPORTED)


def test_people_come_in_by_file(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "people.csv"
    file.write_text("employee_no,name,department\n1001,李雷,研发部\n10 02,韩梅梅,研发部\n")

    assert run("import", "people", str(file), "--dry-run") == 1
    assert run("import", "people", str(file), "--json") == 1
    assert run("import", "people", str(file)) == 1

    tried, counted, *said = capsys.readouterr().out.splitlines()[1:]
    assert tried == "people: 1 new, 0 changed, 0 same, 1 refused (dry run: nothing was written)"
    assert json.loads(counted) == {
        "kind": "people",
        "dry_run": False,
        "new": 1,
        "changed": 0,
        "same": 0,
        "refused": [
            {"line": 3, "column": "employee_no", "reason": "'10 02' has blanks or more than 64 characters"}
        ],
    }
    assert said == [
        f"{file}: line 3, column employee_no: '10 02' has blanks or more than 64 characters",
        "people: 0 new, 0 changed, 1 same, 1 refused",
    ]


def test_users_and_tokens(run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr("sys.stdin", io.StringIO("long enough\nshort\n"))

    assert run("user", "add", "hr", "--role", "hr", "--password-stdin") == 0
    assert run("user", "add", "hr", "--role", "hr", "--password-stdin") == 2
    assert run("user", "token", "script") == 0

    told = capsys.readouterr()
    assert told.out.startswith("added hr (hr)\n")
    assert len(told.out.splitlines()[1]) > 40
    assert told.err == "kaoqin-cloud: a password has at least 10 characters\n"


def test_terminals(run: Run, capsys: pytest.CaptureFixture[str]):
    assert run("terminal", "add", "front", "--site", "HQ") == 0
    assert run("terminal", "list") == 0
    assert run("terminal", "revoke", "front") == 1

    told = capsys.readouterr()
    assert len(told.out.strip()) == len("ABCD-EFGH")
    assert "no terminal in use is called front" in told.err


def test_recompute_needs_somebody(run: Run, capsys: pytest.CaptureFixture[str]):
    assert run("recompute", "--from", "2026-11-01", "--to", "2026-11-02") == 2
    assert "nobody" in capsys.readouterr().err


def test_recompute_judges(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "people.csv"
    file.write_text("employee_no,name,department\n1001,李雷,研发部\n")
    run("import", "people", str(file))

    span = ("--from", "2026-11-02", "--to", "2026-11-06")
    assert run("recompute", *span, "--dry-run") == 0
    assert run("recompute", *span) == 0
    assert run("recompute", *span, "--person", "1001") == 0

    assert capsys.readouterr().out.splitlines()[1:] == [
        "5 days judged, 0 would differ, 5 for the first time",
        "5 days judged, 0 changed, 5 for the first time",
        "5 days judged, 0 changed",
    ]


def test_a_month_is_written(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "people.csv"
    file.write_text("employee_no,name,department\n1001,李雷,研发部\n")
    run("import", "people", str(file))

    for ending in ("csv", "json", "xlsx"):
        assert run("export", "2026-11", str(tmp_path / f"month.{ending}")) == 0
    assert run("export", "2026-11", str(tmp_path / "month.doc")) == 2
    assert run("export", "2026-11", str(tmp_path / "nowhere" / "month.csv")) == 2

    assert "1001" in (tmp_path / "month.csv").read_text()
    assert json.loads((tmp_path / "month.json").read_bytes())["people"][0]["employee_no"] == "1001"
    assert (tmp_path / "month.xlsx").stat().st_size > 1_000
    assert "No such file or directory" in capsys.readouterr().err


def test_cases_are_run(run: Run, tmp_path: Path):
    file = tmp_path / "cases.yaml"
    file.write_text(
        "cases: [{id: a, zone: Asia/Shanghai, as_of: 2026-11-30, expect: {2026-11-18: {duty: due}}}]"
    )

    assert run("cases", str(file)) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("import", "people", "/no/such/file"), "/no/such/file: No such file or directory"),
        (("migrate", "--config", "/no/such.toml"), "settings file /no/such.toml: there is none"),
        (("migrate", "--database-url", "sqlite://"), "the database needs a file"),
        (("migrate", "--database-url", "sqlite:////proc/nowhere/k.db"), "cannot open the database"),
        (("serve", "--broker-url", "embedded://10.0.0.1:1883", "--port", "0"), "is for this machine only"),
        (("serve", "--broker-url", "ftp://x", "--port", "0"), "begin with embedded://, mqtt:// or mqtts://"),
        (("serve", "--port", "70000"), "setting port: Input should be less than or equal to 65535"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
):
    assert run(*arguments) == 2

    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_a_taken_port_is_one_sentence(run: Run, capsys: pytest.CaptureFixture[str]):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run("serve", "--port", str(port)) == 2

    assert f"cannot serve at 127.0.0.1:{port}" in capsys.readouterr().err


def test_a_newer_database_is_one_sentence(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run("migrate")
    database = Database(f"sqlite:///{tmp_path / 'state' / 'kaoqin.db'}")
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()

    assert run("terminal", "list") == 2
    assert "install the newer release" in capsys.readouterr().err


def test_settings_of_a_file_give_way_to_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "kaoqin.toml"
    file.write_text(f'state = "{tmp_path / "from-file"}"\n')

    assert main(["migrate", "--config", str(file)]) == 0
    assert (tmp_path / "from-file" / "kaoqin.db").exists()
    assert main(["migrate", "--config", str(file), "--state", str(tmp_path / "given")]) == 0
    assert (tmp_path / "given" / "kaoqin.db").exists()
    file.write_text('colour = "red"\n')
    assert main(["migrate", "--config", str(file)]) == 2
    assert "setting colour" in capsys.readouterr().err
