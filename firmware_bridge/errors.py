"""What can go wrong with a sensor, split by what the caller does about it.

::

    BridgeError
    +-- LinkLost            call again; after a few failures close, reopen and re-validate
    |   +-- PortUnavailable   the port cannot be opened (absent, forbidden, in use): retry with back-off
    +-- SensorRefused       the sensor understood and said no: show ``code``, do not repeat blindly
    +-- ProtocolViolation   the other end is not the sensor it should be: give up, ask an admin

Outcomes that belong to the day's work (no finger, no match, a poor image) are values: see ``outcomes``.
"""

from __future__ import annotations

from firmware_bridge.confirmation import describe


class BridgeError(Exception):
    """Any trouble with the sensor or its port."""


class LinkLost(BridgeError):
    """No usable answer before the deadline, or the port died. The next call gets back in step by itself."""


class PortUnavailable(LinkLost):
    """The port cannot be opened. ``port`` is its path, ``reason`` one clause for people."""

    def __init__(self, port: str, reason: str) -> None:
        super().__init__(f"cannot open the sensor's port {port}: {reason}")
        self.port = port
        self.reason = reason


class SensorRefused(BridgeError):
    """The sensor answered ``instruction`` with the confirmation ``code``."""

    def __init__(self, instruction: str, code: int) -> None:
        super().__init__(f"the sensor refused {instruction}: {describe(code)} (code {code:02X})")
        self.instruction = instruction
        self.code = code


class ProtocolViolation(BridgeError):
    """Well-formed packets with a content that the data sheet does not allow."""
