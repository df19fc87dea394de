"""The terminal's questions to the cloud over HTTPS."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
import requests

from edge.errors import BadSettings, ClaimRefused, CloudUnavailable
from models.wire.messages import CertificateAnswer, CertificateRequest, Claim, Claimed, Roster

_CONNECT_S = 5.0
_READ_S = 30.0
_JSON = {"Content-Type": "application/json"}
_REFUSALS = {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE, HTTPStatus.UNPROCESSABLE_ENTITY}

M = TypeVar("M", bound=msgspec.Struct)


class _Problem(msgspec.Struct):
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The cloud's roster is the one the terminal has."""


def claim(cloud_url: str, asked: Claim) -> Claimed:
    """Join with a one-time code.

    Raises:
        BadSettings: ``cloud_url`` is no address.
        ClaimRefused: the code was not taken.
        CloudUnavailable: no answer, or none that makes sense.
    """
    answer = _ask("POST", cloud_url, "claim", _JSON, msgspec.json.encode(asked))
    if answer.status_code in _REFUSALS:
        raise ClaimRefused(f"the cloud refused the code: {_detail(answer)}")
    if answer.status_code not in {HTTPStatus.OK, HTTPStatus.CREATED}:
        raise CloudUnavailable(f"{cloud_url} answered {answer.status_code}: {_detail(answer)}")
    return _read(answer, Claimed)


def request_certificate(cloud_url: str, token: str, asked: CertificateRequest) -> CertificateAnswer:
    """Another certificate for the broker.

    Raises:
        BadSettings: ``cloud_url`` is no address.
        CloudUnavailable: no answer, a refusal, or none that makes sense.
    """
    headers = {"Authorization": f"Bearer {token}", **_JSON}
    answer = _ask("POST", cloud_url, "certificate", headers, msgspec.json.encode(asked))
    if answer.status_code != HTTPStatus.OK:
        raise CloudUnavailable(f"{cloud_url} answered {answer.status_code}: {_detail(answer)}")
    return _read(answer, CertificateAnswer)


def fetch_roster(cloud_url: str, token: str, version: str) -> Roster | Unchanged:
    """The people this terminal may know, unless they are those of ``version``.

    Raises:
        BadSettings: ``cloud_url`` is no address.
        CloudUnavailable: no answer, or none that makes sense; a revoked terminal gets one of these for ever.
    """
    headers = {"Authorization": f"Bearer {token}"}
    if version:
        headers["If-None-Match"] = f'"{version}"'
    answer = _ask("GET", cloud_url, "roster", headers)
    if answer.status_code == HTTPStatus.NOT_MODIFIED:
        return Unchanged()
    if answer.status_code != HTTPStatus.OK:
        raise CloudUnavailable(f"{cloud_url} answered {answer.status_code}: {_detail(answer)}")
    return _read(answer, Roster)


def _ask(
    method: str, cloud_url: str, name: str, headers: dict[str, str], body: bytes | None = None
) -> requests.Response:
    parts = urlsplit(cloud_url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise BadSettings(f'cloud "{cloud_url}" is no http:// or https:// address')
    url = f"{cloud_url.rstrip('/')}/terminal/v1/{name}"
    try:
        return requests.request(
            method, url, headers=headers, data=body, timeout=(_CONNECT_S, _READ_S), allow_redirects=False
        )
    except requests.RequestException as error:
        raise CloudUnavailable(f"{cloud_url} does not answer: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    """The innermost cause: the libraries in between wrap it in their own words."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error)


def _read(answer: requests.Response, kind: type[M]) -> M:
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.DecodeError as error:
        raise CloudUnavailable(f"{answer.url} answered what is no {kind.__name__}: {error}") from error


def _detail(answer: requests.Response) -> str:
    try:
        return msgspec.json.decode(answer.content, type=_Problem).detail or answer.reason
    except msgspec.DecodeError:
        return str(answer.reason)
