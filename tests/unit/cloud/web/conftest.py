from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from cloud.db.engine import Database
from cloud.feed import Feed
from cloud.web.pages.router import build_router
from cloud.web.pages.site import SESSION_COOKIE, Site
from cloud.web.rendering import Renderer
from cloud.web.sessions import open_session
from models.ids import PersonId
from tests.e2e.pages_seed import (
    ZONE,
    StillClock,
    add_department,
    add_person,
    add_users,
    application,
    new_database,
    person_id,
    ten_kinds,
)

QUALITY, SALES = "质检部", "销售部"


@pytest.fixture(scope="session")
def seeded_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("pages")
    database = new_database(directory)
    add_department(database, QUALITY)
    add_department(database, "质检一组", QUALITY)
    add_department(database, SALES)
    add_person(database, "7003", "韩梅梅", "质检一组")
    add_person(database, "8001", "=1+1", SALES)
    add_users(database, QUALITY, ten_kinds(database))
    database.close()
    return directory / "pages.db"


@pytest.fixture
def database(seeded_file: Path, tmp_path: Path) -> Iterator[Database]:
    """李雷 (7001, every kind of day) and 韩梅梅 (7003) in 质检部 and below it, one more in 销售部."""
    path = tmp_path / "pages.db"
    shutil.copy(seeded_file, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture
def app(database: Database, clock: StillClock, feed: Feed) -> FastAPI:
    return application(database, clock, feed)


@dataclass
class Browser:
    """Speaks to the application itself, keeps cookies, and follows no redirect."""

    app: FastAPI
    base_url: str = "http://testserver"
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=lambda: {"Accept-Language": "zh-CN"})

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.request("GET", path, headers=headers)

    def post(
        self,
        path: str,
        data: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        files: dict[str, tuple[str, bytes]] | None = None,
    ) -> httpx.Response:
        return self.request("POST", path, data=data, headers=headers, files=files)

    def request(
        self,
        method: str,
        path: str,
        data: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        files: dict[str, tuple[str, bytes]] | None = None,
    ) -> httpx.Response:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {**self.headers, **({"Cookie": cookie} if cookie else {}), **(headers or {})}

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=self.base_url) as client:
                return await client.request(method, path, data=data, headers=sent, files=files)

        answer = asyncio.run(ask())
        for line in answer.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return answer


@dataclass
class Browsers:
    """Makes browsers in which somebody is signed in."""

    app: FastAPI
    database: Database
    clock: StillClock

    def of(self, login: str | None, base_url: str = "http://testserver") -> Browser:
        browser = Browser(self.app, base_url)
        if login is not None:
            with self.database.write() as connection:
                token = open_session(connection, login, self.clock.wall_ms())
            prefix = "__Host-" if base_url.startswith("https") else ""
            browser.cookies[prefix + SESSION_COOKIE] = token
        return browser


@pytest.fixture
def browsers(app: FastAPI, database: Database, clock: StillClock) -> Browsers:
    return Browsers(app, database, clock)


@pytest.fixture
def page_routes(database: Database, feed: Feed, clock: StillClock) -> list[APIRoute]:
    """Every page as it is declared."""
    router = build_router(Site(database, feed, clock, ZONE, Renderer(ZONE)))
    return [route for route in router.routes if isinstance(route, APIRoute)]


@pytest.fixture
def li_lei() -> PersonId:
    return person_id("7001")
