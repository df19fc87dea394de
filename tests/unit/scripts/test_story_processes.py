from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.story import processes
from scripts.story.processes import MemoryWatch, PortTaken, Processes, StoryFailed


@pytest.fixture
def site(tmp_path: Path):
    with Processes(tmp_path / "logs") as running:
        yield running


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_port_in_use_is_one_clear_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(PortTaken, match=rf"Port {port} cannot be used: .*--port N"):
            processes.ask_for_port(port)

    processes.ask_for_port(port)


def test_a_command_that_fails_says_what_it_said(site):
    with pytest.raises(StoryFailed, match="exit code 3\nno such door"):
        site.run(python("import sys; sys.exit(print('no such door', file=sys.stderr) or 3)"))


def test_what_a_command_prints_comes_back_and_is_logged(site, tmp_path):
    assert site.run(python("print(input())"), give="a word\n") == "a word\n"
    assert "a word" in (tmp_path / "logs/commands.log").read_text()


def test_a_process_that_dies_is_noticed_with_the_end_of_its_log(site):
    site.start("door", python("raise SystemExit('the door fell off')"))

    site._running[0][1].wait()
    with pytest.raises(StoryFailed, match=r"(?s)door ended with exit code 1.*the door fell off"):
        site.check()


def test_all_processes_are_gone_afterwards(tmp_path):
    with Processes(tmp_path) as running:
        running.start("sleeper", python("import time; time.sleep(60)"))
        running.start("killed", python("import time; time.sleep(60)"))
        pids = [process.pid for _, process in running._running]
        running.stop("killed", kill=True)

    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_no_process_outlives_a_story_that_is_killed(tmp_path):
    story = f"""
from pathlib import Path
from scripts.story.processes import Processes
import sys, time
with Processes(Path({str(tmp_path)!r})) as running:
    running.start("sleeper", [sys.executable, "-c", "import time; print('up'); time.sleep(600)"])
    while not running.tail("sleeper"):  # before that it may not know yet with whom it dies
        time.sleep(0.01)
    print(running._running[0][1].pid, flush=True)
    time.sleep(600)
"""
    with subprocess.Popen(python(story), stdout=subprocess.PIPE, text=True, cwd=processes.ROOT) as killed:
        assert killed.stdout is not None
        pid = int(killed.stdout.readline())
        killed.kill()

    while Path(f"/proc/{pid}").exists() and "Z (zombie)" not in Path(f"/proc/{pid}/status").read_text():
        pass


def test_settings_of_the_callers_shell_do_not_leak_in(monkeypatch):
    monkeypatch.setenv("KAOQIN_CLOUD_DATABASE_URL", "sqlite:///somebody-elses.db")

    seen = processes.environment({"KAOQIN_EDGE_STATE": "here"})

    assert "KAOQIN_CLOUD_DATABASE_URL" not in seen
    assert seen["KAOQIN_EDGE_STATE"] == "here"


def test_memory_of_children_is_counted(site):
    site.start("hungry", python("held = bytearray(b'x' * 80_000_000); import time; print(1); time.sleep(60)"))
    while not site.tail("hungry"):
        pass
    with MemoryWatch(interval_s=0.01) as memory:
        pass

    assert memory.peak_mb > 80
