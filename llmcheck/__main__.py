"""Where the process starts: what can be answered or begun before the heavy imports is, here."""

from __future__ import annotations

import gc
import sys

_WITHOUT_MACHINE = ("cloud", "profiles", "libraries", "models")


def main() -> None:
    """The console script. Never returns."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        from llmcheck import __version__

        sys.stdout.write(f"llmcheck {__version__}\n")
        sys.exit(0)
    gc.set_threshold(100_000)  # nothing here lives long enough to be collected: 4 % of the time of a short run
    try:
        question = _ask_early(arguments)
        from llmcheck.cli.main import run
    except KeyboardInterrupt:
        sys.exit(130)
    code = run(arguments, question)
    gc.freeze()  # else the collector goes through all objects as the process ends: a fifth of the time of a short run
    sys.exit(code)


def _ask_early(arguments: list[str]) -> object | None:
    """Starts another interpreter that has to be asked while we still import; None where nothing will be inspected."""
    words = [word for word in arguments if not word.startswith("-")]
    if words[:1] and words[0] in _WITHOUT_MACHINE:
        return None
    if any(word in ("--help", "-h", "--version") or word.startswith("--machine") for word in arguments):
        return None
    import os

    from llmcheck.system.interpreter import InterpreterQuery, choose

    explicit = None
    for index, word in enumerate(arguments):
        if word == "--python" and index + 1 < len(arguments):
            explicit = arguments[index + 1]
        elif word.startswith("--python="):
            explicit = word.partition("=")[2]
    try:
        cwd = os.getcwd()
    except OSError:
        cwd = os.sep
    return InterpreterQuery(choose(explicit, os.environ, cwd))


if __name__ == "__main__":
    main()
