"""What every test shares: properties are about results, never about how long a busy machine takes."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.postgres import postgres

__all__ = ["postgres"]

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
