from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from edge.kiosk.guard import refusal

OWN = {"host": "127.0.0.1:8600", "origin": "http://127.0.0.1:8600", "content-type": "application/json"}


def changed(**headers: str | None) -> Headers:
    merged = OWN | {key.replace("_", "-"): value for key, value in headers.items()}
    return Headers({key: value for key, value in merged.items() if value is not None})


@pytest.mark.parametrize(
    "headers",
    [
        changed(),
        changed(host="localhost:8600", origin="http://localhost:8600"),
        changed(host="[::1]:8600", origin="http://[::1]:8600"),
        changed(content_type="application/json; charset=utf-8"),
        changed(sec_fetch_site="same-origin"),
    ],
)
def test_the_kiosks_own_page_may(headers: Headers):
    assert refusal("POST", headers) is None
    assert refusal("GET", headers) is None


@pytest.mark.parametrize(
    "headers",
    [
        changed(origin="http://elsewhere.example"),
        changed(origin="http://127.0.0.1:9999"),
        changed(origin="null"),
        changed(origin=None),
        changed(content_type="text/plain"),
        changed(content_type=None),
    ],
)
def test_nobody_else_may_post(headers: Headers):
    assert refusal("POST", headers) is not None
    assert refusal("DELETE", headers) is not None


@pytest.mark.parametrize(
    "headers",
    [
        changed(host="elsewhere.example", origin="http://elsewhere.example"),
        changed(host="127.0.0.1.elsewhere.example"),
        changed(host=None),
        changed(sec_fetch_site="cross-site"),
        changed(sec_fetch_site="same-site"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_name_or_site_may_not_even_look(headers: Headers, method: str):
    assert refusal(method, headers) is not None
