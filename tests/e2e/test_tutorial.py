"""The second part of docs/tutorial.md, typed as it stands, in a folder of its own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def typed(tutorial: str, folder: Path, ports: dict[str, str]) -> str:
    """The blocks that a reader types into one shell; other ports, so that tests do not meet a real site."""
    script = "set -eu\n" + "".join(
        re.findall(r"^```sh\n(.*?)^```$", tutorial, flags=re.MULTILINE | re.DOTALL)
    )
    for written, free in ports.items():
        script = script.replace(written, free)
    return script.replace(".state/tutorial", str(folder))


def test_a_reader_gets_to_the_first_punch(tmp_path: Path):
    ports = {"127.0.0.1:8080": f"127.0.0.1:{(pages := free_port())}", "--kiosk-port 8090": "--kiosk-port 0"}
    script = typed((ROOT / "docs/tutorial.md").read_text(), tmp_path, ports)

    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env={
            "HOME": str(tmp_path),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "KAOQIN_CLOUD_PORT": pages,
            "KAOQIN_CLOUD_BROKER_URL": f"embedded://127.0.0.1:{free_port()}",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    logs = "\n".join(path.read_text() for path in tmp_path.glob("*.log"))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{logs}"
    assert "people: 2 new" in done.stdout
    assert "王小红 (1001): right-index stored" in done.stdout
    assert re.search(r"^1 punches, 0 waiting, 0 refused", done.stdout, flags=re.MULTILINE)
    assert "leave: 1 new" in done.stdout
    assert re.search(r"^.*1002.*Tom Becker.*$", done.stdout.rsplit("leave: 1 new", 1)[1], flags=re.MULTILINE)
