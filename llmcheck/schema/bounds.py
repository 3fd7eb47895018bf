"""The bounds of numbers that people write: in profiles, as options, in the words of a machine.

Without msgspec, which takes a tenth of the time of ``--help``.
"""

from __future__ import annotations

MOST_GPUS = 4096
"""Of one machine or one run: no published run of one model on one fabric is larger by much than tens of thousands."""
MOST_CLUSTER_GPUS = 2**20
MOST_TOKENS = 2**31
"""Of one sequence: the longest published context is 10 million."""
MOST_TRAINED_TOKENS = 1e18
MOST_SEQUENCES = 2**20
MOST_SERVED = 2**16
"""Sequences that a server plans for."""
MOST_RANK = 2**16
MOST_PROPOSED = 64
"""Tokens that a draft proposes at a time; published defaults are 1 to 16."""
MOST_SLOTS = 1024
"""Adapters that a server holds on a GPU at a time."""
MOST_SIZES = 16
"""Sizes of models in one workload, each of which is planned."""
LEAST_FRACTION = 0.05
MOST_DOLLARS = 1e12
MOST_SECONDS = 86_400.0
"""A day: a limit of time that is longer is none."""
LONGEST_VERSION = 200
"""Characters of a version or a specifier; the longest that packages have are below 60."""
