"""How the resolver is called and its output read: stand-ins of uv and pip that print what the real ones printed."""

from __future__ import annotations

import json
import os
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Any, Literal

import pytest
from msgspec.structs import replace

from llmcheck.install.resolver import verify
from llmcheck.schema.advice import Environment, Step, Verification

# Output of uv 0.13.9 and pip 26.3, 2026-11-23; shortened in the middle.
UV_CONFLICT = """\
  × No solution found when resolving dependencies:
  ╰─▶ Because vllm>=0.30.0,<=0.32.0 depends on torch==2.13.0 and vllm>=0.33.0 depends on torch==2.14.0, we can
      conclude that vllm>=0.30.0 depends on one of:
          torch==2.13.0
          torch==2.14.0

      And because you require vllm>=0.30 and torch>=2.15, we can conclude that your requirements are unsatisfiable.
"""
UV_OFFLINE = """\
error: Request failed after 3 retries in 10.4s
  Caused by: Failed to fetch: `https://download.pytorch.org/whl/cpu/torch/`
  Caused by: error sending request for url (https://download.pytorch.org/whl/cpu/torch/)
  Caused by: dns error
  Caused by: failed to lookup address information: Name or service not known
"""
PIP_CONFLICT = """\
ERROR: Cannot install torch>=2.15 and vllm because these package versions have conflicting dependencies.

The conflict is caused by:
    The user requested torch>=2.15
    vllm 0.32.0 depends on torch==2.13.0

ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/en/latest/topics/dependency-resolution/
"""
PIP_OFFLINE = """\
WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken by \
'NewConnectionError("HTTPSConnection(host='pypi.org', port=443): Failed to establish a new connection")': /simple/x/
ERROR: Could not find a version that satisfies the requirement x (from versions: none)
ERROR: No matching distribution found for x
"""
LOCK = """\
lock-version = "1.0"
created-by = "uv"
[[packages]]
name = "peft"
version = "0.21.2"
wheels = [{ url = "https://user:secret@e.org/peft-0.21.2-py3-none-any.whl", size = 7, hashes = { sha256 = "ab" } }]
[[packages]]
name = "built"
version = "1.0"
sdist = { url = "https://example.org/built-1.0.tar.gz", size = 5, hashes = { sha256 = "cd" } }
"""


def program(folder: Path, name: str, body: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport os, sys, time\nwords = sys.argv[1:]\n{textwrap.dedent(body)}")
    path.chmod(0o755)
    return path


def uv(folder: Path, body: str) -> None:
    program(folder, "uv", f"if '--version' in words: print('uv 0.13.9'); sys.exit()\n{textwrap.dedent(body)}")


def python(folder: Path, body: str) -> Path:
    first = """
    if '-c' in words: print('3.11.7'); sys.exit()
    if '--version' in words: print('pip 26.3 from /x (python 3.11)'); sys.exit()
    if 'list' in words: print('[{"name": "Torch", "version": "2.15.0"}]'); sys.exit()
    """
    return program(folder, "python", textwrap.dedent(first) + textwrap.dedent(body))


def step(*requirements: str, index_url: str | None = None, options: tuple[str, ...] = ()) -> Step:
    return Step(
        kind="install",
        command="",
        argv=("x",),
        reason="",
        requirements=requirements,
        index_url=index_url,
        options=options,
    )


def ask(
    folder: Path,
    *steps: Step,
    interpreter: Path | None = None,
    installer: Literal["uv", "pip"] = "uv",
    fresh: bool = True,
    **more: Any,
) -> Verification:
    environment = Environment(
        name="shared",
        python=str(interpreter) if interpreter else "new/bin/python",
        folder="new" if fresh else None,
        installer=installer,
        steps=steps,
    )
    environ = {"PATH": f"{folder}{os.pathsep}{os.defpath}", "HOME": str(folder)}
    return verify(environment, str(interpreter) if interpreter else None, environ=environ, **more)


def test_versions_files_and_sizes_are_read_from_uv(tmp_path: Path) -> None:
    uv(tmp_path, f"open(words[words.index('--output-file') + 1], 'w').write('''{LOCK}''')")
    found = ask(tmp_path, step("peft>=0.21"), interpreter=python(tmp_path, ""))
    assert (found.status, found.resolver) == ("resolved", "uv 0.13.9")
    assert {(each.name, each.version, each.size, each.source_build) for each in found.packages} == {
        ("peft", "0.21.2", 7, False),
        ("built", "1.0", 5, True),
    }
    assert found.download == 12
    assert "secret" not in repr(found)


def test_what_pip_would_install_is_read(tmp_path: Path) -> None:
    report = {
        "version": "1",
        "install": [
            {
                "metadata": {"name": "Torch", "version": "2.14.1"},
                "download_info": {"url": "https://e.org/t-2.14.1.whl", "archive_info": {"hashes": {"sha256": "ef"}}},
            }
        ],
    }
    interpreter = python(tmp_path, f"open(words[words.index('--report') + 1], 'w').write({json.dumps(report)!r})")
    found = ask(tmp_path, step("torch>=2.14"), interpreter=interpreter, installer="pip", fresh=False)
    assert (found.status, found.resolver) == ("resolved", "pip 26.3")
    assert [(each.name, each.version, each.sha256) for each in found.packages] == [("torch", "2.14.1", "ef")]
    assert "replaces torch 2.15.0 by 2.14.1" in found.message
    assert found.download is None


@pytest.mark.parametrize(
    ("output", "status", "message"),
    [
        (UV_CONFLICT, "conflict", "vllm>=0.33.0 depends on torch==2.14.0"),
        (UV_OFFLINE, "offline", "https://download.pytorch.org/whl/cpu could not be reached"),
        ("error: something \x1b[31mred\x1b[0m\x07 went wrong\n", "failed", "something red went wrong"),
        ("", "failed", "ended with code 2"),
    ],
)
def test_an_error_of_uv_becomes_one_line(tmp_path: Path, output: str, status: str, message: str) -> None:
    uv(tmp_path, f"sys.stderr.write({output!r}); sys.exit(2)")
    found = ask(tmp_path, step("x", index_url="https://download.pytorch.org/whl/cpu"), interpreter=python(tmp_path, ""))
    assert found.status == status
    assert message in found.message
    assert found.message.isprintable()
    assert found.packages == ()


@pytest.mark.parametrize(
    ("output", "status", "message"),
    [
        (PIP_CONFLICT, "conflict", "vllm 0.32.0 depends on torch==2.13.0"),
        (PIP_OFFLINE, "offline", "pypi.org"),
        ("ERROR: No matching distribution found for x>=9\n", "conflict", "No matching distribution found for x>=9"),
    ],
)
def test_an_error_of_pip_becomes_one_line(tmp_path: Path, output: str, status: str, message: str) -> None:
    interpreter = python(tmp_path, f"sys.stderr.write({output!r}); sys.exit(1)")
    found = ask(tmp_path, step("x"), interpreter=interpreter, installer="pip", fresh=False)
    assert found.status == status
    assert message in found.message
    assert found.message.isprintable()


TWO_INDEXES = "Looking in indexes: https://a.example/simple, https://download.pytorch.org/whl/cpu\n"
NONE_FOUND = "ERROR: No matching distribution found for x\n"


@pytest.mark.parametrize(
    ("output", "log", "message"),
    [
        (TWO_INDEXES + NONE_FOUND, "connection error", "a package index could not be reached"),
        (
            TWO_INDEXES + NONE_FOUND,
            "Could not fetch URL https://a.example/simple/x/: connection error: Name or service not known - skipping",
            "the package index a.example could not be reached",
        ),
        (
            TWO_INDEXES + NONE_FOUND,
            "Could not fetch URL https://download.pytorch.org/whl/cpu/y/: 404 Client Error - skipping\n"
            "Could not fetch URL https://a.example/simple/x/: connection error: Name or service not known - skipping",
            "the package index a.example could not be reached",
        ),
    ],
)
def test_the_index_that_did_not_answer_is_named(tmp_path: Path, output: str, log: str, message: str) -> None:
    body = f"open(words[words.index('--log') + 1], 'w').write({log!r}); sys.stderr.write({output!r}); sys.exit(1)"
    given = replace(step("x"), extra_index_url="https://download.pytorch.org/whl/cpu")
    found = ask(tmp_path, given, interpreter=python(tmp_path, body), installer="pip", fresh=False)
    assert (found.status, found.message.partition(",")[0]) == ("offline", message)


def test_sizes_that_pip_omits_come_from_the_table(tmp_path: Path) -> None:
    report = {
        "version": "1",
        "install": [
            {"metadata": {"name": name, "version": "1.0"}, "download_info": {"url": f"https://e.org/{name}-1.0.whl"}}
            for name in ("One", "two")
        ],
    }
    body = f"open(words[words.index('--report') + 1], 'w').write({json.dumps(report)!r})"
    given = [step("one", "two")]
    facts: dict[str, Any] = {"interpreter": python(tmp_path, body), "installer": "pip", "fresh": False}
    part = ask(tmp_path, *given, **facts, measured={"one==1.0": 70, "two==2.0": 1})
    assert [each.size for each in part.packages] == [70, None]
    assert part.download is None
    whole = ask(tmp_path, *given, **facts, measured={"one==1.0": 70, "two==1.0": 7})
    assert whole.download == 77


def test_a_resolver_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    """Its child has one end of a pipe, which closes when the child is killed; otherwise it would write more."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    body = f"""
    if os.fork() == 0:
        end = open({str(pipe)!r}, 'w')
        end.write('started')
        end.flush()
        time.sleep(20)
        end.write(' and still here')
        end.close()
    time.sleep(600)
    """
    uv(tmp_path, body)
    with open(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), encoding="utf-8") as heard:
        found = ask(tmp_path, step("x"), interpreter=python(tmp_path, ""), deadline_seconds=1)
        os.set_blocking(heard.fileno(), True)
        assert heard.read() == "started"
    assert found.status == "failed"
    assert "did not end within 1 s" in found.message


def test_endless_output_is_cut(tmp_path: Path) -> None:
    uv(tmp_path, "sys.stderr.write('error: ' + 'x' * 50_000_000); sys.exit(2)")
    found = ask(tmp_path, step("x"), interpreter=python(tmp_path, ""))
    assert found.status == "failed"
    assert len(found.message) < 1000


def test_garbage_in_the_lock_is_a_failure(tmp_path: Path) -> None:
    uv(tmp_path, "open(words[words.index('--output-file') + 1], 'w').write('packages = 3')")
    assert ask(tmp_path, step("x"), interpreter=python(tmp_path, "")).status == "failed"


def test_without_any_resolver_it_says_so(tmp_path: Path) -> None:
    found = ask(tmp_path, step("x"), interpreter=tmp_path / "gone")
    assert (found.status, found.resolver) == ("failed", "none")
    assert found.message


@pytest.mark.parametrize("text", ["--index-url=https://evil.example", "x @ $HOME", "x\n-r /etc/passwd", ""])
def test_only_plain_requirements_reach_the_resolver(tmp_path: Path, text: str) -> None:
    log = tmp_path / "given"
    uv(tmp_path, f"open({str(log)!r}, 'w').write('called')")
    assert ask(tmp_path, step(text), interpreter=python(tmp_path, "")).status == "failed"
    assert not log.exists()


def test_versions_of_an_earlier_step_are_fixed_in_a_later_one(tmp_path: Path) -> None:
    log = tmp_path / "constraints"
    body = (
        "constraints = open(words[words.index('--constraints') + 1]).read()\n"
        f"open({str(log)!r}, 'a').write(constraints + '|')\n"
        f"open(words[words.index('--output-file') + 1], 'w').write({LOCK!r})\n"
    )
    uv(tmp_path, body)
    found = ask(tmp_path, step("peft>=0.21"), step("built"), interpreter=python(tmp_path, ""))
    assert found.status == "resolved"
    assert log.read_text().startswith("|")
    assert "peft==0.21.2" in log.read_text()


def wheel(folder: Path, name: str, version: str, *needs: str) -> None:
    info = f"{name}-{version}.dist-info"
    needed = "".join(f"Requires-Dist: {each}\n" for each in needs)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.mark.parametrize(("wanted", "status"), [("tiny>=1", "resolved"), ("tiny>=2", "conflict")])
def test_the_real_pip_is_understood(tmp_path: Path, wanted: str, status: str) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    wheel(shelf, "tiny", "1.0", "smaller>=1")
    wheel(shelf, "smaller", "1.1")
    environment = Environment(
        name="shared", python=sys.executable, folder="new", installer="pip", steps=(step(wanted, "smaller"),)
    )
    environ = {"PATH": os.defpath, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(shelf), "PIP_CONFIG_FILE": os.devnull}
    found = verify(environment, sys.executable, environ=environ)
    assert found.status == status, found.message
    if status == "resolved":
        assert {(each.name, each.version) for each in found.packages} == {("tiny", "1.0"), ("smaller", "1.1")}
    assert list(tmp_path.iterdir()) == [shelf]
