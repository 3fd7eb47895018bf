"""Settings for all tests: hypothesis draws the same examples every time, and none is refused for its duration."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "llmcheck", max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("llmcheck")
