"""The entry point. ``--version`` is answered before anything else is imported."""

from __future__ import annotations

import os

try:  # Ctrl-C in the first milliseconds
    import atexit
    import gc
    import sys

    from llmcheck.system import ending
except KeyboardInterrupt:
    os._exit(130)


def main() -> None:
    """The console script. Never returns."""
    ending.handle_signals()
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        from llmcheck import __version__

        sys.stdout.write(f"llmcheck {__version__}\n")
        _end(0)
    gc.set_threshold(100_000)  # collecting garbage takes 4 % of the time of a short run
    _end(_for_prolog(_run(arguments), arguments))


def _run(arguments: list[str]) -> int:
    try:
        from llmcheck.cli.main import run

        return run(arguments)
    except Exception as error:  # Python itself would end with 1, which means that the machine is not ready
        _say(f"this installation is damaged: {type(error).__name__}: {error}; install llmcheck again")
        return 70


def _for_prolog(code: int, arguments: list[str]) -> int:
    """With ``--preset prolog`` 0 for every code but 1: a tool that is broken must not drain the nodes of a cluster."""
    if code in (0, 1) or not any(word.startswith("--preset") for word in arguments):
        return code
    from itertools import pairwise

    if "--preset=prolog" not in arguments and ("--preset", "prolog") not in pairwise(arguments):
        return code
    _say(f"exit code {code}, reported as 0: --preset prolog fails only what is not ready")
    return 0


def _say(message: str) -> None:
    try:
        sys.stderr.write(f"llmcheck: {message}\n")
    except (AttributeError, OSError, ValueError):  # it is closed, or its disk is full
        return


def _end(code: int) -> None:
    """Ends the process at once. To free all objects one by one takes a twentieth of the time of a short run."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            if stream is sys.stdout:
                sys.exit(code)
    atexit._run_exitfuncs()
    os._exit(code)


if __name__ == "__main__":
    main()
