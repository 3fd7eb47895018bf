"""Asks this machine what profiles want to know beyond the inventory. It knows questions, and nothing of profiles."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import time
from collections.abc import Callable, Sequence

from llmcheck import codec
from llmcheck.schema.asked import Ask, Asked, AskedFile, CommandAnswer
from llmcheck.system import answered, worker
from llmcheck.system.host import Host

_TEXT = 64 * 2**10
_NOTHING = ("ENOENT", "ENOTDIR")
_NAME = 15
"""Characters that the kernel keeps of a process's name (TASK_COMM_LEN)."""
_MOST_PROCESSES = 200_000
_LONGEST_WORDS = 500


def ask(host: Host, asks: Sequence[Ask], seconds: float, total_seconds: float) -> Asked:
    """The answers. ``seconds``: for each file, and for the list of processes; ``total_seconds``: for all."""
    end = time.monotonic() + total_seconds
    names = [each.variable for each in asks if each.variable is not None]
    files = [each for each in asks if each.file is not None]
    processes = [each.process for each in asks if each.process is not None]
    commands = [each for each in asks if each.argv]
    return Asked(
        variables={name: host.environ.get(name) for name in names} if names else None,
        files=_files(host, files, seconds, end) if files else None,
        processes=_processes(host, processes, seconds, end) if processes else None,
        commands={each.argv: _command(host, each, end) for each in commands},
    )


def _files(host: Host, asks: Sequence[Ask], seconds: float, end: float) -> dict[str, AskedFile]:
    """Each file in a child; one that does not answer is left, and another child looks at the rest."""
    found: dict[str, AskedFile] = {}
    with_text = {each.file for each in asks if each.text}
    waiting = list(dict.fromkeys(each.file or "" for each in asks))
    while waiting:
        child = worker.start(_described(host, waiting, with_text))
        late = False
        while waiting and not late:
            try:
                data = child.frame(min(end, time.monotonic() + seconds))
            except TimeoutError:
                data, late = None, True
            path = waiting.pop(0)
            late = late or data is None
            found[path] = AskedFile(reason="it does not answer") if data is None else codec.unpack(data, AskedFile)
        child.leave()
        if time.monotonic() >= end:
            found |= {path: AskedFile(reason="the time of the inspection is over") for path in waiting}
            break
    return found


def _described(host: Host, paths: Sequence[str], with_text: set[str | None]) -> Callable[..., None]:
    def work(send: Callable[[bytes], None]) -> None:
        for path in paths:
            send(codec.pack(_file(host, path, text=path in with_text)))

    return work


def _file(host: Host, path: str, *, text: bool) -> AskedFile:
    place = host.absolute(path)
    status = host.described(place)
    if isinstance(status, str):
        return AskedFile(kind="none") if status in _NOTHING else AskedFile(reason=f"it cannot be examined ({status})")
    return AskedFile(
        kind=status.kind,
        size=status.size,
        mode=status.mode,
        owner=status.owner,
        readable=status.readable,
        writable=status.writable,
        text=host.read(place, _TEXT) if text and status.kind == "file" else None,
    )


def _processes(host: Host, names: Sequence[str], seconds: float, end: float) -> dict[str, int] | None:
    """How many processes have each name; None where they cannot be listed."""
    child = worker.start(lambda send: send(codec.pack(_counted(host, names))))
    try:
        data = child.frame(min(end, time.monotonic() + seconds))
    except TimeoutError:
        data = None
    child.leave()
    return None if data is None else codec.unpack(data, dict[str, int] | None)  # type: ignore[arg-type]  # a type form


def _counted(host: Host, names: Sequence[str]) -> dict[str, int] | None:
    entries = host.entries("/proc", _MOST_PROCESSES)
    numbers = [name for name, _ in entries or () if name.isdecimal()]
    if not numbers:
        return None
    counts = dict.fromkeys(names, 0)
    for number in numbers:
        for name in _names(host, number) & counts.keys():
            counts[name] += 1
    return counts


def _names(host: Host, number: str) -> set[str]:
    """What a process is called: the name that the kernel keeps, and that of its program, of which that is the start."""
    short = (host.read(f"/proc/{number}/comm", 64) or "").strip()
    program = (host.read(f"/proc/{number}/cmdline", 4096) or "").partition("\0")[0].rpartition("/")[2]
    return {short, program} if program.startswith(short[:_NAME]) else {short}


def _command(host: Host, asked: Ask, end: float) -> CommandAnswer:
    left = end - time.monotonic()
    if left <= 0:
        return CommandAnswer(reason="it was not started: the time of the inspection is over")
    program = asked.argv[0]
    path = host.absolute(program) if "/" in program or program.startswith("~") else host.which(program)
    if path is None:
        return CommandAnswer(reason=f"there is no program '{program[:80]}' on PATH")
    argv = [path, *asked.argv[1:]]
    done = answered.answer(argv, host.environ, None, min(asked.seconds, left))
    words = _words(done.output)
    return CommandAnswer(code=done.code, message=words.get("message"), found=words.get("found"), reason=done.reason)


def _words(output: bytes) -> dict[str, str]:
    """Of one JSON object the texts that are meant for a report; {} for any other output."""
    if not output.lstrip().startswith(b"{"):
        return {}
    try:
        found = codec.decode_json(output, dict[str, object], "")
    except Exception:  # whatever it prints, its exit code counts
        return {}
    words = {key: found.get(key) for key in ("message", "found")}
    return {key: value[:_LONGEST_WORDS] for key, value in words.items() if isinstance(value, str)}
