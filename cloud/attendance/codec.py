"""AttendanceDay <-> the JSON kept in ``attendance_days.result``. Fractions stay exact: "1/3"."""

from __future__ import annotations

from fractions import Fraction

import msgspec

from models.attendance import AttendanceDay


def _to_json(value: object) -> str:
    if isinstance(value, Fraction):
        return str(value)
    raise NotImplementedError(f"no JSON for {type(value).__name__}")


def _from_json(kind: type, value: object) -> object:
    if kind is Fraction:
        return Fraction(str(value))
    raise NotImplementedError(f"no {kind.__name__} from JSON")


_encoder = msgspec.json.Encoder(enc_hook=_to_json)
_decoder = msgspec.json.Decoder(AttendanceDay, dec_hook=_from_json)


def encode(day: AttendanceDay) -> bytes:
    """The day as JSON; equal days give equal bytes."""
    return _encoder.encode(day)


def decode(stored: bytes) -> AttendanceDay:
    """The day in ``stored``."""
    return _decoder.decode(stored)
