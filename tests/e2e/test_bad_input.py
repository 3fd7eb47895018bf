"""Whatever is asked wrongly is answered with one line that helps, the right code, and nothing left behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from .command import Command, complaint

HEAD = 'id = "mine"\ntitle = "t"\ntask = "general"\nsources = ["s"]\n'
RAM = '[[require]]\nid = "ram"\nkind = "ram"\ntotal = "1 MB"\n'

BAD_PROFILES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "typo in a requirement's key": (
        f'{HEAD}[[require]]\nid = "ram"\nkind = "ram"\ntotla = "1 MB"\n'.encode(),
        ("'totla'", "'total'", "accepted", "ram"),
    ),
    "typo in a profile's key": (
        f'{HEAD}titel = "x"\n{RAM}'.encode(),
        ("'titel'", "'title'", "accepted", "sources"),
    ),
    "typo in a table's key": (
        f"{HEAD}[workload]\nparameter = []\n{RAM}".encode(),
        ("'parameter'", "parameters", "workload"),
    ),
    "unknown kind": (
        f'{HEAD}[[require]]\nid = "x"\nkind = "rma"\n'.encode(),
        ("'rma'", "'ram'", "interconnect"),
    ),
    "missing key": (f'{HEAD}[[require]]\nid = "ram"\nkind = "ram"\n'.encode(), ("total",)),
    "no kind": (f'{HEAD}[[require]]\nid = "ram"\n'.encode(), ("kind",)),
    "no requirement": (HEAD.encode(), ("[[require]]",)),
    "requirement that is no table": (f"{HEAD}require = [1]\n".encode(), ("table",)),
    "size that is none": (f'{HEAD}[[require]]\nid = "ram"\nkind = "ram"\ntotal = "much"\n'.encode(), ("much",)),
    "number for a size": (f'{HEAD}[[require]]\nid = "ram"\nkind = "ram"\ntotal = 16\n'.encode(), ("total",)),
    "same id twice": (f"{HEAD}{RAM}{RAM}".encode(), ("'ram'", "two")),
    "unknown task": (HEAD.replace("general", "sleeping").encode() + RAM.encode(), ("task", "sleeping")),
    "wrong TOML": (b'id = "mine\n', ("not valid TOML", "line 1")),
    "bad UTF-8": (b'id = "mine"\ntitle = "\xff\xfe"\n', ("not valid TOML",)),
    "empty": (b"", ("mine.toml",)),
    "nested": (b"x = " + b"[" * 100_000, ("not valid TOML",)),
    "JSON": (b'{"id": "mine"}', ("[[require]]",)),
    "half of JSON": (b'{"id": "mine"', ("not a complete JSON document",)),
    "binary": (bytes(range(256)), ("not valid TOML",)),
}


@pytest.mark.parametrize("name", BAD_PROFILES)
def test_bad_profile_is_named_with_file_and_reason(command: Command, name: str) -> None:
    text, words = BAD_PROFILES[name]
    (command.cwd / "mine.toml").write_bytes(text)
    done = command("check", "mine.toml")
    assert done.code == 2
    line = complaint(done)
    assert line.startswith("mine.toml")
    for word in words:
        assert word in line


@pytest.mark.parametrize("verb", ["check", "install", "cloud"])
def test_folder_as_profile(command: Command, tmp_path: Path, verb: str) -> None:
    done = command(verb, tmp_path)
    assert done.code == 2
    assert str(tmp_path) in complaint(done)


@pytest.mark.parametrize("words", [("check",), ("install",), ("cloud",), ("profiles", "show")])
def test_unknown_profile_names_the_nearest(command: Command, words: tuple[str, ...]) -> None:
    done = command(*words, "inferense-7b")
    assert done.code == 2
    line = complaint(done)
    assert "'inferense-7b'" in line
    assert "did you mean 'inference-7b'?" in line


def test_missing_profile_file(command: Command) -> None:
    done = command("check", "gone/mine.toml")
    assert done.code == 2
    assert complaint(done).startswith("gone/mine.toml: No such file")


def test_second_of_two_profiles_is_bad(command: Command, profile: Callable[[str], Path]) -> None:
    done = command("check", profile("ready"), "no-such-profile")
    assert done.code == 2
    assert "no-such-profile" in complaint(done)


@pytest.mark.parametrize("option", ["--skip", "--only"])
def test_unknown_requirement(command: Command, option: str) -> None:
    done = command("check", "inference-7b", option, "nonsense")
    assert done.code == 2
    line = complaint(done)
    assert "'nonsense'" in line
    assert "software" in line
    assert "transformers" in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("libraries", "list", "--area", "nonsense"), ("nonsense", "inference", "evaluation")),
        (("libraries", "list", "--area", "inferrence"), ("did you mean 'inference'?",)),
        (("libraries", "show", "torhc"), ("did you mean 'torch'?",)),
        (("install", "torhc"), ("did you mean 'torch'?",)),
        (("nonsense",), ("nonsense", "--help")),
        (("profiles", "nonsense"), ("nonsense", "llmcheck profiles --help")),
        (("check",), ("PROFILE",)),
        (("check", "inference-7b", "--format", "yaml"), ("yaml", "json", "markdown")),
        (("check", "inference-7b", "--format", "sh"), ("sh", "json")),
        (("check", "inference-7b", "--fail-on", "sometimes"), ("sometimes", "warn")),
        (("check", "inference-7b", "--nonsense"), ("--nonsense",)),
        (("check", "inference-7b", "--python"), ("--python",)),
        (("check", "inference-7b", "--path", "/nonexistent/models"), ("/nonexistent/models", "no such folder")),
        (("--path", "/nonexistent/models"), ("/nonexistent/models",)),
        (("--format", "yaml", "check", "inference-7b"), ("--format", "'yaml'", "json")),
        (("machine", "superfluous"), ("superfluous",)),
    ],
)
def test_wrong_words(command: Command, words: tuple[str, ...], said: tuple[str, ...]) -> None:
    done = command(*words)
    assert done.code == 2
    line = complaint(done)
    for word in said:
        assert word in line


@pytest.mark.parametrize("word", ["\udcff", "über", "\x1b[31m", "a\nb"])
def test_wrong_words_in_odd_letters(command: Command, word: str) -> None:
    for env in ({}, {"LC_ALL": "C"}):
        done = command("check", word, env=env)
        assert done.code == 2
        assert "\x1b" not in complaint(done)


@pytest.mark.parametrize(
    ("name", "content"),
    [("gone", None), ("folder", ""), ("no-python", "#!/bin/sh\nexit 3\n"), ("chatter", "#!/bin/sh\necho 3.11\n")],
)
def test_python_that_is_none_is_a_problem_and_no_crash(
    command: Command, profile: Callable[[str], Path], name: str, content: str | None
) -> None:
    path = command.cwd / name
    if name == "folder":
        path.mkdir()
    elif content is not None:
        path.write_text(content, encoding="utf-8")
        path.chmod(0o755)
    done = command("check", profile("ready"), "--python", path, "--format", "json")
    assert (done.code, done.err) == (0, "")
    machine = done.document["machine"]
    (problem,) = [each for each in machine["problems"] if each["probe"] == "software"]
    assert str(path) in problem["message"]
    assert "--python" in problem["remedy"]
    assert machine["software"]["packages"] is None
    assert machine["ram"]["total"]


def test_python_that_is_none_leaves_packages_unknown(command: Command) -> None:
    done = command("check", "toolkit", "--python", command.cwd / "gone", "--format", "json")
    packages = [each for each in done.document["profiles"][0]["findings"] if each["kind"] == "package"]
    assert packages
    assert {each["status"] for each in packages} == {"unknown"}
    assert done.code == 3


def test_python_that_hangs_is_left_behind(command: Command, profile: Callable[[str], Path]) -> None:
    path = command.cwd / "sleeper"
    path.write_text("#!/bin/sh\nexec sleep 600\n", encoding="utf-8")
    path.chmod(0o755)
    done = command("check", profile("ready"), "--python", path, "--probe-timeout", "1", "--format", "json")
    assert (done.code, done.err) == (0, "")
    assert [each["code"] for each in done.document["machine"]["problems"]] == ["python-unusable"]


@pytest.mark.parametrize("value", ["cloud", "profiles", "libraries"])
def test_value_that_is_a_command_word_does_not_hide_the_interpreter(command: Command, value: str) -> None:
    (command.cwd / value).mkdir()
    done = command("--path", value, "--python", command.cwd / "gone", "--format", "json")
    assert done.document["machine"]["software"]["python"]["executable"] == str(command.cwd / "gone")


# Where a file cannot be written: relative to an empty working directory that also has a file "plain" and a folder.
UNWRITABLE = ["gone/out.json", "plain/out.json", "folder", "", "/proc/nonexistent/out.json"]


@pytest.mark.parametrize("where", UNWRITABLE)
def test_output_that_cannot_be_written(command: Command, profile: Callable[[str], Path], where: str) -> None:
    (command.cwd / "plain").write_text("mine", encoding="utf-8")
    (command.cwd / "folder").mkdir()
    done = command("check", profile("ready"), "--format", "json", "--output", where)
    assert done.code == 2
    assert f"--output {where}".strip() in complaint(done)
    assert {str(each.relative_to(command.cwd)) for each in command.cwd.rglob("*")} == {"plain", "folder"}
    assert (command.cwd / "plain").read_text(encoding="utf-8") == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_output_into_a_read_only_folder(command: Command, profile: Callable[[str], Path]) -> None:
    command.cwd.chmod(0o555)
    try:
        done = command("check", profile("ready"), "--output", "out.txt")
    finally:
        command.cwd.chmod(0o755)
    assert done.code == 2
    assert "--output out.txt" in complaint(done)
    assert list(command.cwd.iterdir()) == []


def test_output_replaces_a_file_and_keeps_the_verdict(command: Command, profile: Callable[[str], Path]) -> None:
    (command.cwd / "out.txt").write_text("old\n" * 10_000, encoding="utf-8")
    done = command("check", profile("not-ready"), "--output", "out.txt")
    assert (done.code, done.raw, done.err) == (1, b"", "llmcheck: wrote out.txt (text)\n")
    text = (command.cwd / "out.txt").read_text(encoding="utf-8")
    assert "not-ready" in text
    assert "old" not in text
    assert "\x1b" not in text


def test_failed_check_leaves_an_earlier_file_alone(command: Command) -> None:
    (command.cwd / "out.txt").write_text("old", encoding="utf-8")
    assert command("check", "no-such-profile", "--output", "out.txt").code == 2
    assert (command.cwd / "out.txt").read_text(encoding="utf-8") == "old"
    assert [each.name for each in command.cwd.iterdir()] == ["out.txt"]


def test_output_to_a_device(command: Command, profile: Callable[[str], Path]) -> None:
    done = command("check", profile("ready"), "--output", "/dev/null")
    assert (done.code, done.err) == (0, "")
    assert not Path("/dev/null").is_file()
