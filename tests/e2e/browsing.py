"""A real browser before a served application: what every browser test needs."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Watched:
    """A page whose complaints are kept: errors of scripts, and what the content policy blocked."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        self.page.goto(path)
        self.page.wait_for_load_state()
        return self.page


def watch(context: BrowserContext) -> Watched:
    """A new page of ``context``."""
    watched = Watched(context.new_page())
    watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    watched.page.on(
        "console", lambda m: watched.complaints.append(m.text) if m.type in {"error", "warning"} else None
    )
    return watched


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The address at which ``app`` answers while the block runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = uvicorn.Config(app, "127.0.0.1", port, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser; skips where there is none."""
    if not CHROMIUM.exists():
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def sign_in(page: Page, login: str, password: str) -> None:
    """By the form; the page is in Chinese."""
    page.goto("/login")
    page.get_by_label("用户名").fill(login)
    page.get_by_label("密码").fill(password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/today")


def until(true: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    for _ in range(200):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it never happened")
