"""The five commands of docs/how-to/run-a-broker.md, run as they stand there.

Directories and ports are moved, and what only a whole Debian has is played: apt-get finds mosquitto
there, systemctl starts it as its unit would.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from edge.roster.certificate import certificate_path
from edge.roster.join import join
from edge.sync.tls import broker_context, try_handshake
from tests.integration.peers import CLOCK, free_port, wait_for

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "run-a-broker.md"
APT = '#!/bin/sh\nfor word; do [ "$word" = mosquitto ] && exec true; done\nexit 1\n'
SYSTEMCTL = """#!/bin/sh
[ "$1 $2" = "restart mosquitto" ] || exit 1
mosquitto -c {etc}/mosquitto/mosquitto.conf >{etc}/mosquitto.log 2>&1 &
echo $! >{etc}/mosquitto.pid
"""


def commands(moved: dict[str, str]) -> list[str]:
    text = PAGE.read_text()
    block = re.search(r"^## From a fresh Debian.*?^```\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert block is not None
    found = block[1]
    for there, here in moved.items():
        assert there in found
        found = found.replace(there, here)
    return found.splitlines()


@pytest.fixture
def etc() -> Iterator[Path]:
    """Stands for /etc; the broker's user must be able to walk there."""
    if shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        pytest.skip("mosquitto is not installed")
    made = Path(tempfile.mkdtemp(prefix="kaoqin-etc-"))
    made.chmod(0o755)
    (made / "mosquitto").mkdir(mode=0o755)
    yield made
    if (made / "mosquitto.pid").exists():
        os.kill(int((made / "mosquitto.pid").read_text()), signal.SIGKILL)
    shutil.rmtree(made)


def test_the_five_commands_give_a_site_that_terminals_can_join(etc: Path, tmp_path: Path):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in [("apt-get", APT), ("systemctl", SYSTEMCTL.format(etc=etc))]:
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    state, port, worker_port, web_port = tmp_path / "state", free_port(), free_port(), free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("KAOQIN_")},
        "PATH": f"{programs}:{os.environ['PATH']}:/usr/sbin",
        "KAOQIN_CLOUD_PORT": str(web_port),
    }
    moved = {
        "/etc/": f"{etc}/",
        "/var/lib/kaoqin": str(state),
        "attendance.example.com": f"127.0.0.1 --port {port} --worker-port {worker_port}",
        ".venv/bin/": f"{Path(sys.executable).parent}/",
        "scripts/setup site": "true",
    }
    lines = commands(moved)
    assert len(lines) == 5
    subprocess.run(["sh", "-ec", "\n".join(lines[:-1])], check=True, cwd=ROOT, env=environment)
    serve = lines[-1].split()

    with (tmp_path / "serve.log").open("w") as log:
        service = subprocess.Popen(serve, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            wait_for(lambda: ready(web_port), 60)
            add = [serve[0], "terminal", "add", "North", "--site", "HQ", *serve[2:]]
            code = subprocess.run(
                add, env=environment, capture_output=True, text=True, check=True
            ).stdout.strip()
            terminal = join(tmp_path / "terminal", f"http://127.0.0.1:{web_port}", code)
        finally:
            service.terminate()
            service.wait(30)

    assert terminal.claimed.broker_url == f"mqtts://127.0.0.1:{port}"
    certificate = certificate_path(tmp_path / "terminal", terminal.terminal_id)
    context = broker_context(certificate, CLOCK.wall_ms())
    assert try_handshake("127.0.0.1", port, context, 5) == "TLSv1.3"


def ready(port: int) -> bool:
    """The service is connected to the broker by its certificate, among other things."""
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
    except requests.RequestException:
        return False
