from __future__ import annotations

import pytest

from tests.unit.firmware_bridge.null_modem import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()
