"""Asks the real resolver, uv or pip, what an environment's install steps come to; needs the network, installs nothing.

The steps are resolved as they would be installed, one after another. What an earlier step chose is held while a later
one is resolved, as an installer keeps what is there and satisfies. Where that has no solution, only what was asked for
by name is held, for an installer does replace dependencies; where that has none either, the plan conflicts: it would
replace what it has just installed, and leave behind what was installed to go with it.

An environment that the plan makes is resolved as an empty one; an existing one with what is in it, so that only what
would change is told. Everything is written to a folder that is removed in the end, the resolvers' caches included.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from llmcheck import units
from llmcheck.advice import Environment, Resolved, Step, Verification

_HEAD, _TAIL = 64 * 2**10, 256 * 2**10
_MESSAGE_LIMIT = 600
_FILE_LIMIT = 64 * 2**20
_QUESTION_SECONDS = 20.0
_END_SECONDS = 2.0
_PYPI = "https://pypi.org/simple"
_OLDEST_PIP = (22, 2)

Status = Literal["resolved", "conflict", "offline", "failed"]

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_NOT_PRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")
# What a resolver says of an index that it could not ask. pip drops such an index and goes on without it; its last
# attempt counts down to zero, and an earlier one may have been followed by a success.
_PIP_UNREACHABLE = re.compile(
    r"Retry\(total=0|Max retries exceeded|There was a problem confirming the ssl certificate|"
    r"Could not fetch URL [^\n]*(?:connection|timed out|SSL)",
    re.IGNORECASE,
)
_UV_UNREACHABLE = re.compile(
    r"error sending request|dns error|tcp connect error|connection refused|tunnel error|operation timed out|"
    r"network timeout|network was disabled|network connectivity is disabled|network is unreachable|"
    r"connection reset|invalid peer certificate|status (?:server |client )?error \((?:5\d\d|407)",
    re.IGNORECASE,
)
_HOST = re.compile(r"host='([^']+)'|Connection to ([\w.-]+) timed out")
_FETCHED = re.compile(r"(?:Failed to fetch|for url|Could not fetch URL)[:\s`(]+(https?://[^\s`)]+)")
_LOOKED_IN = re.compile(r"Looking in indexes: ([^\n]+)")
_CHANGE = re.compile(r"^ ([-+~]) (\S+?)==(\S+)", re.MULTILINE)
_RAISED = re.compile(r"^[\s│]*(\w+(?:Error|Exception|NotFound): .+)$", re.MULTILINE)


class _Trouble(Exception):  # noqa: N818 - it is one of the answers
    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class _Said(NamedTuple):
    """How a program ended, and what it said on both streams: the beginning and the end of it."""

    code: int
    text: str


class _Python(NamedTuple):
    """An interpreter to resolve for."""

    path: str | None
    version: str | None
    """Of ``path``."""
    wanted: str | None
    """The version to resolve for; None where it is not known."""
    fresh: bool
    """Its environment is empty, because it is not there yet."""

    @property
    def fits(self) -> bool:
        """Whether ``path`` is of the series that is wanted."""
        return self.version is not None and (self.wanted is None or _series(self.version) == _series(self.wanted))


class _Chosen(NamedTuple):
    package: Resolved
    elsewhere: bool
    """From an index that a later step does not ask."""


class _Question(NamedTuple):
    """What one call of a resolver is asked."""

    step: Step
    requirements: tuple[str, ...]
    """The step's own, and those of the steps before."""
    held: Mapping[str, _Chosen]
    """What may not change."""
    earlier: tuple[str, ...]
    """Indexes of the steps before, from which what is held may come."""
    folder: str


class _Answer(NamedTuple):
    packages: tuple[Resolved, ...]
    unreachable: str | None = None
    """An index that was left out because it did not answer."""


def verify(
    environment: Environment,
    python: str | None,
    deadline_seconds: float = 300,
    environ: Mapping[str, str] | None = None,
) -> Verification:
    """What the real resolver answers for one environment of a plan. Uses the network.

    ``python``: the interpreter that is there, for an environment that the plan makes. ``environ``: the variables of
    the resolver, where the user's own settings are; None takes this process's.
    """
    with tempfile.TemporaryDirectory(prefix="llmcheck-", ignore_cleanup_errors=True) as folder:
        return _verify(environment, python, _Work(folder, deadline_seconds, environ))


def _verify(environment: Environment, python: str | None, work: _Work) -> Verification:
    resolver = "none"
    status: Status = "resolved"
    target: _Python | None = None
    packages: tuple[Resolved, ...] = ()
    try:
        steps = [_checked(step) for step in environment.steps if step.requirements]
        target = _target(environment, python, work)
        asked = _asker(environment, target, work)
        resolver = asked.title
        answer = _sequence(asked, steps, work)
        packages = answer.packages
        message = _summary(answer, {} if target.fresh else asked.installed())
    except _Trouble as trouble:
        status, message = trouble.status, trouble.message
    sizes = [package.size for package in packages if package.size is not None]
    return Verification(
        environment=environment.name,
        status=status,
        resolver=resolver,
        message=_plain(message),
        packages=packages,
        download=sum(sizes) if status == "resolved" and len(sizes) == len(packages) else None,
        requires_python=target and (target.wanted or target.version),
    )


def _sequence(asked: _Uv | _Pip, steps: Sequence[Step], work: _Work) -> _Answer:
    """Every step on top of those before it; the last answer holds them all."""
    chosen: dict[str, _Chosen] = {}
    named: dict[str, list[str]] = {}
    earlier: list[str] = []
    answer = _Answer(())
    for number, step in enumerate(steps):
        before = [requirement for requirements in named.values() for requirement in requirements]
        requirements = tuple(dict.fromkeys([*before, *step.requirements]))
        folder = work.subfolder(f"step-{number}")
        question = _Question(step, requirements, chosen, tuple(earlier), folder)
        try:
            answer = asked.resolve(question)
        except _Trouble as trouble:
            if trouble.status != "conflict" or not chosen:
                raise _explained(trouble, step) from None
            kept = {name: each for name, each in chosen.items() if name in named}
            answer = asked.resolve(question._replace(held=kept, folder=work.subfolder(f"step-{number}-again")))
        elsewhere = bool(step.index_url or step.extra_index_url)
        for package in answer.packages:
            known = chosen.get(_normal(package.name))
            if known is None or known.package.version != package.version:
                chosen[_normal(package.name)] = _Chosen(package, elsewhere)
        for requirement in step.requirements:
            named.setdefault(_name(requirement), []).append(requirement)
        earlier += [url for url in (step.index_url, step.extra_index_url) if url and url not in earlier]
        # A package that is held by its address comes back without its size, which was told before.
        answer = answer._replace(packages=tuple(chosen[_normal(package.name)].package for package in answer.packages))
    return answer


def _explained(trouble: _Trouble, step: Step) -> _Trouble:
    if trouble.status != "failed" or "--no-build-isolation" not in step.options:
        return trouble
    wanted = ", ".join(step.requirements)
    return _Trouble(
        "failed", f"{wanted} can only be resolved where what it builds with is installed: {trouble.message}"
    )


def _summary(answer: _Answer, before: Mapping[str, str]) -> str:
    packages = answer.packages
    if not packages:
        return "nothing is to be installed: what is asked for is there already"
    words = [f"{len(packages)} packages" if len(packages) > 1 else "1 package"]
    sizes = [package.size for package in packages if package.size is not None]
    if not sizes:
        words.append("size unknown")
    elif len(sizes) < len(packages):
        words.append(f"{units.decimal(sum(sizes))} and {len(packages) - len(sizes)} of unknown size to download")
    built = [package.name for package in packages if package.source_build]
    if built:
        words.append(f"built here: {_few(built)}")
    replaced = [
        f"{package.name} {before[_normal(package.name)]} by {package.version}"
        for package in packages
        if before.get(_normal(package.name), package.version) != package.version
    ]
    if replaced:
        words.append(f"replaces {_few(replaced)}")
    if answer.unreachable:
        words.append(f"{answer.unreachable} could not be reached and was left out")
    return "; ".join(words)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


class _Work:
    """The folder, the time and the variables that all calls of one verification share."""

    def __init__(self, folder: str, seconds: float, environ: Mapping[str, str] | None) -> None:
        self.folder, self.seconds, self.deadline = folder, seconds, time.monotonic() + seconds
        temporary = self.subfolder("tmp")
        own = os.environ if environ is None else environ
        # What a resolver that is ended leaves behind goes with our folder.
        self.environ = {**own, "TMPDIR": temporary, "TEMP": temporary, "TMP": temporary, "PYTHONDONTWRITEBYTECODE": "1"}
        self.cache = self.subfolder("cache")

    def subfolder(self, name: str) -> str:
        path = os.path.join(self.folder, name)
        os.makedirs(path, exist_ok=True)
        return path

    def which(self, name: str) -> str | None:
        found = shutil.which(name, path=self.environ.get("PATH", ""))
        return found and os.path.abspath(found)

    def run(self, argv: Sequence[str], *, here: bool = False, seconds: float | None = None) -> _Said:
        """A program's end and words; it is ended with all that it started when time is up, or when we are interrupted.

        ``here``: in the user's folder, whose settings it reads; otherwise in an empty one, whose files cannot be taken
        for modules. Raises _Trouble where it cannot be run or is late.
        """
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=None if here else self.subfolder("empty"),
                env=self.environ,
                bufsize=0,
                process_group=0 if os.name == "posix" else None,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise _Trouble("failed", f"{argv[0]} cannot be run: {why}") from None
        left = self.deadline - time.monotonic()
        left = left if seconds is None else min(left, seconds)
        heard = _Heard(process)
        try:
            heard.join(max(0.0, left))
            if not heard.is_alive():
                process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            code = process.returncode
            _end(process, heard)
        if code is None:
            raise _Trouble("failed", f"{os.path.basename(argv[0])} gave no answer within {seconds or self.seconds:g} s")
        return _Said(code, heard.text())


class _Heard(threading.Thread):
    """Reads what a program says and keeps the beginning and the end; a thread, for Windows cannot wait for a pipe."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__(daemon=True, name="resolver")
        self._process, self._head, self._tail = process, bytearray(), bytearray()
        self.start()

    def run(self) -> None:
        stream = self._process.stdout
        with contextlib.suppress(OSError, ValueError):
            while stream is not None and (data := stream.read(1 << 16)):
                room = max(0, _HEAD - len(self._head))
                self._head += data[:room]
                self._tail += data[room:]
                del self._tail[:-_TAIL]

    def text(self) -> str:
        return (bytes(self._head) + bytes(self._tail)).decode("utf-8", "replace")


def _end(process: subprocess.Popen[bytes], heard: _Heard) -> None:
    """Ends a program that still runs, with all that it started; never waits long for what cannot be ended."""
    if process.returncode is None:
        # Nobody has waited for it yet, so its number, which is its group's, cannot belong to another by now.
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, 9)
            else:
                process.kill()
            process.wait(_END_SECONDS)
        heard.join(_END_SECONDS)
    if process.stdout is not None and not heard.is_alive():
        process.stdout.close()


def _target(environment: Environment, python: str | None, work: _Work) -> _Python:
    """The interpreter of an environment; for one that is not there yet, the one that it is made with."""
    fresh = environment.folder is not None
    path = python if fresh else environment.python or python
    if path is not None:
        path = os.path.abspath(path) if os.path.dirname(path) else work.which(path) or path
    version = _version(path, work)
    if not fresh and version is None:
        raise _Trouble("failed", f"{path or 'the interpreter of the environment'} cannot be run")
    target = _Python(path, version, environment.python_version if fresh else version, fresh)
    return target._replace(wanted=version) if target.fits else target


def _version(path: str | None, work: _Work) -> str | None:
    if path is None:
        return None
    with contextlib.suppress(_Trouble):
        program = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
        said = work.run([path, "-I", "-S", "-c", program], seconds=_QUESTION_SECONDS)
        if said.code == 0 and re.fullmatch(r"\d+\.\d+\.\d+", said.text.strip()):
            return said.text.strip()
    return None


def _asker(environment: Environment, target: _Python, work: _Work) -> _Uv | _Pip:
    """The installer that the plan uses, whose settings and rules decide; the other where that one is not there."""
    program = work.which("uv")
    if program is not None and environment.installer == "uv":
        return _Uv(program, target, work, stands_in=False)
    try:
        return _Pip(target, work)
    except _Trouble as trouble:
        if program is None:
            raise _Trouble(trouble.status, f"{trouble.message}, and uv is not on PATH") from None
        return _Uv(program, target, work, stands_in=True)


class _Uv:
    """uv; for an empty environment it compiles a lock file, for another it also says what would change."""

    def __init__(self, program: str, target: _Python, work: _Work, *, stands_in: bool) -> None:
        """``stands_in``: pip installs in the end, which takes the best of all indexes, not what the first has."""
        self.program, self.target, self.work, self.stands_in = program, target, work, stands_in
        self.title = _title("uv", work.run([program, "--version"], seconds=_QUESTION_SECONDS))
        self._replaced: dict[str, str] = {}

    def installed(self) -> Mapping[str, str]:
        """What would be replaced."""
        return self._replaced

    def resolve(self, asked: _Question) -> _Answer:
        constraints = os.path.join(asked.folder, "held.txt")
        _write(constraints, (_by_address(each) for each in asked.held.values()))
        if self.target.fresh:
            return _Answer(self._compile(asked, asked.requirements, ["--constraints", constraints]))
        argv = [self.program, "pip", "install", "--dry-run", "--python", self.target.path or "python3"]
        argv += [*self._options(asked.step), *_uv_options(asked.step.options, installing=True)]
        said = self.work.run([*argv, "--constraints", constraints, *asked.requirements], here=True)
        self._check(said, asked)
        changes = _CHANGE.findall(_ESCAPE.sub("", said.text))
        self._replaced = {_normal(name): version for sign, name, version in changes if sign == "-"}
        added = [(name, version) for sign, name, version in changes if sign in "+~"]
        if not added:
            return _Answer(())
        held = {_normal(name): each for name, each in asked.held.items()}
        pins = [
            _by_address(held[_normal(name)])
            if _normal(name) in held and held[_normal(name)].package.version == version
            else f"{name}=={version}"
            for name, version in added
        ]
        return _Answer(self._compile(asked, pins, ["--no-deps"]))

    def _compile(self, asked: _Question, requirements: Iterable[str], more: Sequence[str]) -> tuple[Resolved, ...]:
        source, lock = os.path.join(asked.folder, "asked.txt"), os.path.join(asked.folder, "pylock.toml")
        _write(source, requirements)
        argv = [self.program, "pip", "compile", source, "--output-file", lock, "--format", "pylock.toml", "--no-header"]
        if self.target.path is not None and self.target.fits:
            argv += ["--python", self.target.path]
        elif self.target.wanted is not None:
            argv += ["--python-version", self.target.wanted]
        argv += [*self._options(asked.step), *_uv_options(asked.step.options, installing=False), *more]
        self._check(self.work.run(argv, here=True), asked)
        return _locked(_read(lock))

    def _options(self, step: Step) -> list[str]:
        options = ["--color", "never", "--no-progress", "--no-python-downloads", "--cache-dir", self.work.cache]
        options += ["--index-url", step.index_url] if step.index_url else []
        options += ["--extra-index-url", step.extra_index_url] if step.extra_index_url else []
        return [*options, "--index-strategy", "unsafe-best-match"] if self.stands_in else options

    def _check(self, said: _Said, asked: _Question) -> None:
        """Raises _Trouble for what went wrong."""
        if said.code == 0:
            return
        text = _ESCAPE.sub("", said.text)
        if _UV_UNREACHABLE.search(text):
            raise _Trouble("offline", _offline_words(text, asked.step))
        unsolved = re.search(r"No solution found when resolving [^\n]*(.*)", text, re.DOTALL)
        if unsolved:
            cause = re.split(r"\n\s*hint:", unsolved[1])[0]
            cause = re.sub(r"^[\s×╰─▶│]*(?:cause:)?|[│╰─▶×]", " ", cause)
            raise _Trouble("conflict", cause.strip() or "there is no solution")
        words = _shortened(re.split(r"^(?:error: |  × )", text, maxsplit=1, flags=re.MULTILINE)[-1])
        raise _Trouble("failed", f"uv: {words or f'it ended with code {said.code}'}")


class _Pip:
    """The interpreter's own pip; for one that has none, as Debian's, that of a virtual environment made for this."""

    def __init__(self, target: _Python, work: _Work) -> None:
        path = target.path
        if path is None or not target.fits:
            path = work.which(f"python{_series(target.wanted)}") if target.wanted and target.fresh else None
        if path is None:
            raise _Trouble("failed", " ".join(["Python", *([target.wanted] if target.wanted else []), "is not here"]))
        self.target, self.work, self.python = target, work, path
        said = self._ask("--version")
        if said.code and target.fresh:
            folder = os.path.join(work.folder, "environment")
            if work.run([path, "-m", "venv", folder]).code == 0:
                inside = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
                self.python = os.path.join(folder, *inside)
                said = self._ask("--version")
        if said.code:
            raise _Trouble("failed", f"{path} has no pip")
        self.title = _title("pip", said)
        if (0,) < _numbers(self.title)[:2] < _OLDEST_PIP:
            raise _Trouble("failed", f"{self.title} of {path} cannot resolve without installing, 22.2 and newer can")

    def installed(self) -> Mapping[str, str]:
        """All packages of the environment; empty where pip does not tell."""
        said = self._ask("list", "--format", "json", "--disable-pip-version-check")
        found = re.search(r"^\[.*\]$", said.text, re.MULTILINE)
        try:
            return {_normal(each["name"]): str(each["version"]) for each in json.loads(found[0] if found else "[]")}
        except (ValueError, KeyError, TypeError, AttributeError):
            return {}

    def resolve(self, asked: _Question) -> _Answer:
        step = asked.step
        constraints, report, log = (os.path.join(asked.folder, name) for name in ("held.txt", "report.json", "log.txt"))
        _write(constraints, (f"{each.package.name}=={each.package.version}" for each in asked.held.values()))
        argv = [
            "install",
            "--dry-run",
            "--report",
            report,
            "--log",
            log,
            "--no-input",
            "--no-color",
            "--progress-bar",
            "off",
        ]
        argv += ["--disable-pip-version-check", "--cache-dir", self.work.cache, "--constraint", constraints]
        argv += ["--ignore-installed"] if self.target.fresh else []
        argv += ["--index-url", step.index_url] if step.index_url else []
        # What is held may be nowhere else: a CUDA build has the name of PyPI's and a local version of its own.
        own = (step.index_url, step.extra_index_url)
        away = any(each.elsewhere for each in asked.held.values())
        extra = [step.extra_index_url] if step.extra_index_url else []
        for url in (*extra, *(url for url in asked.earlier if away and url not in own)):
            argv += ["--extra-index-url", url]
        said = self._ask(*argv, *step.options, *asked.requirements)
        text = _ESCAPE.sub("", said.text)
        if said.code:  # with few retries pip says only in its log that an index was silent
            silent = _PIP_UNREACHABLE.search(text) is None and "connection error" in _read(log)
            raise _Trouble("offline", _offline_words(text, step)) if silent else _pip_trouble(text, step, said.code)
        return _Answer(_reported(_read(report)), _index(text, step) if _PIP_UNREACHABLE.search(text) else None)

    def _ask(self, *arguments: str) -> _Said:
        return self.work.run([self.python, "-m", "pip", *arguments])


def _pip_trouble(text: str, step: Step, code: int) -> _Trouble:
    nothing = re.search(r"ERROR: (No matching distribution found for [^\n]+)", text)
    impossible = re.search(r"ERROR: (Cannot install [^\n]+)", text) if "ResolutionImpossible" in text else None
    if not impossible and _PIP_UNREACHABLE.search(text):
        return _Trouble("offline", _offline_words(text, step))
    caused = re.search(r"The conflict is caused by:\n((?:[ \t]+\S[^\n]*\n)+)", text)
    if caused:
        return _Trouble("conflict", "; ".join(line.strip() for line in caused[1].splitlines()))
    said = impossible or nothing
    if said:
        return _Trouble("conflict", said[1])
    words = re.findall(r"^(?:ERROR|error): (?!subprocess-)(.+)$", text, re.MULTILINE)
    message = ": ".join([*words[-1:], *_RAISED.findall(text)[-1:]]) or _shortened(text[-_MESSAGE_LIMIT:])
    return _Trouble("failed", f"pip: {message or f'it ended with code {code}'}")


def _offline_words(text: str, step: Step) -> str:
    return f"{_index(text, step)} could not be reached, so nothing was verified"


def _index(text: str, step: Step) -> str:
    """The index that did not answer: whole where the plan names it, else its host, for the rest may be a secret."""
    hosts = [first or second for first, second in _HOST.findall(text)]
    addresses = _FETCHED.findall(text)
    looked = _LOOKED_IN.search(text)
    if not addresses and looked:
        addresses = [url.strip() for url in looked[1].split(",")]
    hosts = hosts or [_host(address) for address in addresses or [step.index_url or _PYPI]]
    known = (url for url in (step.index_url, step.extra_index_url, _PYPI) if url and _host(url) == hosts[-1])
    return f"the package index {next(known, hosts[-1])}"


def _host(url: str) -> str:
    return re.sub(r"^\w+://(?:[^/@]*@)?", "", url).partition("/")[0].partition(":")[0] or url


def _uv_options(options: Sequence[str], *, installing: bool) -> list[str]:
    """pip's options as uv calls them."""
    spelled = []
    for option in options:
        if option == "--force-reinstall":
            spelled += ["--reinstall-package=torch"] if installing else []
        else:
            spelled.append("--prerelease=allow" if option == "--pre" else option)
    return spelled


def _locked(text: str) -> tuple[Resolved, ...]:
    """The packages of a lock file (PEP 751)."""
    import tomllib  # 5 ms

    try:
        return tuple(_locked_package(each) for each in tomllib.loads(text).get("packages", []))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _Trouble("failed", "uv wrote a lock file that cannot be read") from None


def _locked_package(entry: dict[str, Any]) -> Resolved:
    wheel = _best(entry.get("wheels") or [])
    file = wheel or entry.get("archive") or entry.get("sdist") or {}
    url = file.get("url") or file.get("path")
    size = file.get("size")
    return Resolved(
        name=str(entry["name"]),
        version=str(entry["version"]) if "version" in entry else "unknown",
        url=None if url is None else _without_credentials(str(url)),
        sha256=(file.get("hashes") or {}).get("sha256"),
        size=size if isinstance(size, int) else None,
        source_build=wheel is None and not _is_wheel(str(url or "")),
    )


def _best(wheels: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Of several wheels that all fit, the most particular one, which an installer takes."""

    def particular(wheel: dict[str, Any]) -> int:
        name = str(wheel.get("name") or wheel.get("url") or wheel.get("path")).removesuffix(".whl")
        python, abi, platform = ["py3", "none", "any", *name.split("-")][-3:]
        return 4 * (python.startswith("cp") and abi.startswith("cp")) + 2 * (abi == "abi3") + (platform != "any")

    return max(wheels, key=particular, default=None)


def _reported(text: str) -> tuple[Resolved, ...]:
    """The packages of pip's installation report, version 1."""
    try:
        return tuple(_reported_package(each) for each in json.loads(text)["install"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _Trouble("failed", "pip wrote a report that cannot be read") from None


def _reported_package(entry: dict[str, Any]) -> Resolved:
    source, metadata = entry["download_info"], entry["metadata"]
    archive = source.get("archive_info") or {}
    url = str(source["url"])
    old = str(archive.get("hash") or "").partition("sha256=")[2]  # pip before 23
    return Resolved(
        name=_normal(str(metadata["name"])),
        version=str(metadata["version"]),
        url=_without_credentials(url),
        sha256=(archive.get("hashes") or {}).get("sha256") or old or None,
        source_build=not _is_wheel(url),
    )


def _is_wheel(url: str) -> bool:
    return re.split(r"[?#]", url)[0].endswith(".whl")


def _by_address(chosen: _Chosen) -> str:
    """How uv is told to keep a package; only by its address where a later step does not ask the index that has it."""
    package = chosen.package
    if chosen.elsewhere and package.url and "://" in package.url and not package.source_build:
        return f"{package.name} @ {package.url}"
    return f"{package.name}=={package.version}"


def _checked(step: Step) -> Step:
    """Raises _Trouble for what is no requirement: it would be taken for an option, a second line or a variable."""
    from packaging.requirements import InvalidRequirement, Requirement  # 10 ms

    for text in step.requirements:
        try:
            Requirement(text)
        except InvalidRequirement:
            raise _Trouble("failed", f"'{text}' is not a requirement") from None
        if "$" in text or _NOT_PRINTED.search(text):
            raise _Trouble("failed", f"'{text}' is not a plain requirement")
    return step


def _name(requirement: str) -> str:
    return _normal(re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0])


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _series(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))


def _title(name: str, said: _Said) -> str:
    found = re.search(rf"^{name} (\d\S*)", said.text, re.MULTILINE)
    return f"{name} {found[1]}" if found else name


def _shortened(text: str) -> str:
    return " ".join(_NOT_PRINTED.sub(" ", _ESCAPE.sub("", text)).split())


def _plain(message: str) -> str:
    """One line, without control characters, names and passwords, and of bounded length."""
    text = _without_credentials(_shortened(message))
    return text if len(text) <= _MESSAGE_LIMIT else text[: _MESSAGE_LIMIT - 4].rstrip() + " ..."


def _without_credentials(text: str) -> str:
    return _CREDENTIALS.sub("", text)


def _write(path: str, lines: Iterable[str]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_FILE_LIMIT)
    except OSError:
        return ""
