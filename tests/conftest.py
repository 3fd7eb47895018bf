"""Settings for all tests: hypothesis draws the same examples every time, and none is refused for its duration.

``HYPOTHESIS_PROFILE=mutation`` draws fewer: tools/mutation.py runs the tests of a module hundreds of times.
"""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

settings.register_profile(
    "llmcheck", max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("mutation", settings.get_profile("llmcheck"), max_examples=15)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "llmcheck"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts background jobs so, and the commands whose interruption is tested would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

if not hasattr(os, "fork"):
    # Windows. These tests build Linux trees with symbolic links, write shell scripts as stand-ins, or read /proc.
    collect_ignore_glob = [
        "probe/*.py",
        "nvml/*.py",
        "unit/catalog/test_configuration.py",
        "unit/install/test_resolver.py",
        "unit/system/test_interpreter.py",
        "unit/system/test_project_file.py",
        "e2e/test_bad_input.py",
        "e2e/test_configured.py",
        "e2e/test_hostile_plans.py",
        "e2e/test_install.py",
        "e2e/test_leaves_alone.py",
        "e2e/test_libraries_check.py",
        "e2e/test_n*.py",
        "e2e/test_surroundings.py",
        "e2e/test_t*.py",
    ]
