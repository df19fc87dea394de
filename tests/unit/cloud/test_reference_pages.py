from __future__ import annotations

from pathlib import Path

from cloud.app import create_app
from cloud.commands.reference import DIRECTORY, cli_page, http_page, settings_page
from cloud.settings import Settings
from cloud.web.api.context import Context


def kept(name: str) -> str:
    return (DIRECTORY / name).read_text()


def test_the_command_line_is_described_as_it_is():
    assert kept("cli.md") == cli_page()


def test_the_settings_are_described_as_they_are():
    assert kept("settings.md") == settings_page()


def test_the_http_interface_is_described_as_it_is(tmp_path: Path):
    app = create_app(Settings(state=tmp_path, broker_url="mqtt://127.0.0.1"))
    context = app.state.context
    assert isinstance(context, Context)
    context.database.close()

    assert kept("http.md") == http_page(app)
