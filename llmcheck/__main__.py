"""The entry point. ``--version`` is answered before anything else is imported."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """The console script. Never returns."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        from llmcheck import __version__

        sys.stdout.write(f"llmcheck {__version__}\n")
        sys.exit(0)
    gc.set_threshold(100_000)  # collecting garbage takes 4 % of the time of a short run
    try:
        from llmcheck.cli.main import run
    except KeyboardInterrupt:
        sys.exit(130)
    code = run(arguments)
    gc.freeze()  # otherwise the collector visits all objects at exit: a fifth of the time of a short run
    sys.exit(code)


if __name__ == "__main__":
    main()
