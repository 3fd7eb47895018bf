"""Settings for all tests: hypothesis draws the same examples every time, and none is refused for its duration.

``HYPOTHESIS_PROFILE=mutation`` draws fewer: tools/mutation.py runs the tests of a module hundreds of times.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "llmcheck", max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("mutation", settings.get_profile("llmcheck"), max_examples=15)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "llmcheck"))
