from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from cloud.app import create_app
from cloud.database import open_database
from cloud.db.engine import Database
from cloud.people.users import issue_token
from cloud.settings import Settings
from cloud.web.api.context import Context
from tests.terminals import NOW_MS, Door, add_person, add_terminal
from tests.unit.cloud.conftest import HandClock


@dataclass
class Running:
    """The whole service, with one terminal and two people."""

    app: FastAPI
    client: httpx.Client
    database: Database
    clock: HandClock
    door: Door

    def get(self, path: str, **query: str):
        return self.client.get(path, params=query, headers=self.authorized)

    @property
    def authorized(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def as_door(self) -> dict[str, str]:
        return {"Authorization": "Bearer token of t-1"}

    token: str = ""

    def punch(self, *seqs: int) -> None:
        payload = self.door.payload(*(self.door.punch(seq) for seq in seqs))
        answer = self.client.post("/terminal/v1/punches", content=payload, headers=self.as_door)
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="session")
def filled_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a service that has just been started for the first time."""
    settings = Settings(state=tmp_path_factory.mktemp("service"))
    open_database(settings, HandClock()).close()
    return settings.state / "kaoqin.db"


@pytest.fixture
def service(filled_file: Path, tmp_path: Path) -> Iterator[Running]:
    shutil.copy(filled_file, tmp_path / "kaoqin.db")
    clock = HandClock()
    settings = Settings(state=tmp_path, broker_url="embedded://127.0.0.1:0")
    app = create_app(settings, clock)
    context = app.state.context
    assert isinstance(context, Context)
    with context.database.write() as connection:
        add_terminal(connection, "t-1")
        add_person(connection, "p-1")
        add_person(connection, "p-2")
        token = issue_token(connection, "test", NOW_MS)
    with serving(app) as url, httpx.Client(base_url=url) as client:
        yield Running(app, client, context.database, clock, Door(), token)


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The application behind a real port, until the block ends."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=5))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
