"""The gate of pipelines, schedulers and pods, run as they run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from llmcheck import codec
from llmcheck.cli.gate import FORMATS
from llmcheck.schema.report import Report
from tests import reading

from .command import HANG_GUARD, LLMCHECK, Command, complaint
from .conftest import PROFILE

MACHINE = str(Path(__file__).parents[1] / "machines" / "rtx3060.json")
FAILS = '\n[[require]]\nid = "big"\nkind = "ram"\ntotal = "1000 TB"\ntags = ["memory"]\n'
WARNS = '\n[[require]]\nid = "wish"\nkind = "ram"\ntotal = "1000 TB"\nlevel = "recommended"\n'
OPEN = '\n[[require]]\nid = "odd"\nkind = "tool"\nname = "no-such-tool-anywhere"\n'
OPEN_WISH = OPEN.replace('"odd"', '"odd-wish"') + 'level = "recommended"\n'
MET = '\n[[require]]\nid = "small"\nkind = "ram"\ntotal = "1 MB"\ntags = ["memory", "first"]\n'
HEAD = PROFILE.partition("[[require]]")[0].format(id="mine")

STATES: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "ready": (MET, 0, ()),
    "not ready": (MET + FAILS + WARNS + OPEN + OPEN_WISH, 1, ()),
    "unknown": (MET + OPEN + WARNS, 3, ()),
    "warnings": (MET + WARNS + OPEN_WISH, 4, ("--fail-on", "warn")),
    "bad profile": ("nonsense = 1\n", 2, ()),
    "zero checks": (MET + FAILS, 2, ("--skip", "hardware", "--skip", "software")),
}
"""What the profile asks for, the exit code, and more options."""
PLUGIN_CODES = {0: 0, 1: 2, 2: 3, 3: 3, 4: 1}
LINES = ("github", "nagios", "slurm", "tap", "termination-log")
"""The formats that also say why nothing could be checked."""


def written(folder: Path, needs: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(HEAD + needs, encoding="utf-8")
    return path


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_of_every_state(
    format_: str, state: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """In this process: the same exit code, a document that its readers read, and their counts."""
    from llmcheck.cli.main import run

    needs, code, options = STATES[state]
    path, kept = written(tmp_path, needs), tmp_path / "kept.json"
    words = ["check", str(path), "--machine", MACHINE, *options, "--format", format_, "--report", f"json={kept}"]
    found = run(words)
    out = capfdbinary.readouterr().out.decode()
    assert found == (PLUGIN_CODES[code] if format_ == "nagios" else code)
    if state == "bad profile":
        assert not kept.exists()
        assert bool(out) == (format_ in LINES)
        if format_ == "github":
            assert reading.of_github(out) == {"error": 1}
        assert "mine.toml" in out or format_ not in LINES or format_ == "slurm"
        return
    report = codec.decode_json(kept.read_bytes(), Report, "kept")
    assert report.exit_code == code
    if format_ in reading.READERS:
        wanted = reading.expected(format_, report)
        assert wanted is None or +Counter(reading.READERS[format_](out)) == +Counter(wanted)
    else:
        assert out.strip()


def test_the_real_command_has_the_same_exit_codes(command: Command, tmp_path: Path) -> None:
    for state, (needs, code, options) in STATES.items():
        path = written(tmp_path, needs)
        for format_ in ("junit", "nagios"):
            done = command("check", path, "--machine", MACHINE, *options, "--format", format_)
            assert done.code == (PLUGIN_CODES[code] if format_ == "nagios" else code), (state, done.err)


# --- what fails ---


@pytest.mark.parametrize(
    ("fail_on", "codes"),
    [
        ("required", {"ready": 0, "not ready": 1, "unknown": 0, "warnings": 0, "bad profile": 2, "zero checks": 2}),
        ("unknown", {"ready": 0, "not ready": 1, "unknown": 3, "warnings": 0, "bad profile": 2, "zero checks": 2}),
        ("fail", {"ready": 0, "not ready": 1, "unknown": 3, "warnings": 0, "bad profile": 2, "zero checks": 2}),
        ("warn", {"ready": 0, "not ready": 1, "unknown": 3, "warnings": 4, "bad profile": 2, "zero checks": 2}),
        ("never", {"ready": 0, "not ready": 0, "unknown": 0, "warnings": 0, "bad profile": 2, "zero checks": 2}),
    ],
)
def test_what_fails(fail_on: str, codes: dict[str, int], tmp_path: Path) -> None:
    from llmcheck.cli.main import run

    for state, code in codes.items():
        needs, _, options = STATES[state]
        skips = options if state == "zero checks" else ()
        words = ["check", str(written(tmp_path, needs)), "--machine", MACHINE, *skips, "--fail-on", fail_on, "-q"]
        assert run(words) == code, state


def test_warnings_have_the_exit_code_that_is_named(command: Command, tmp_path: Path) -> None:
    path = written(tmp_path, MET + WARNS)
    words = ("check", path, "--machine", MACHINE)
    assert command(*words, "--fail-on", "warn", "--warn-exit-code", "10").code == 10
    assert command(*words, "--fail-on", "warn", "--warn-exit-code", "10", "--format", "nagios").code == 1
    for code in ("1", "3", "70", "130"):
        assert command(*words, "--fail-on", "warn", "--warn-exit-code", code).code == 2
    assert "add --fail-on warn" in complaint(command(*words, "--warn-exit-code", "10"))


def test_a_tag_names_several_requirements(command: Command, tmp_path: Path) -> None:
    path = written(tmp_path, MET + FAILS)
    words = ("check", path, "--machine", MACHINE, "--format", "json")
    assert command(*words, "--skip", "big").code == 0
    assert command(*words, "--only", "first").code == 0
    assert command(*words, "--only", "memory").code == 1
    assert "tags: first, memory" in complaint(command(*words, "--only", "memery"))


def test_a_level_that_was_changed_is_in_the_report(command: Command, tmp_path: Path) -> None:
    path = written(tmp_path, MET + FAILS)
    done = command("check", path, "--machine", MACHINE, "--severity", "big=recommended", "--format", "json")
    assert done.code == 0
    assert done.document["gate"]["severity"] == [
        {"profile": "mine", "id": "big", "level": "recommended", "stated": "required"}
    ]
    shown = command("check", path, "--machine", MACHINE, "--severity", "big=recommended")
    assert "--severity: big of mine is recommended; its profile says required" in shown.out
    for wrong in ("big", "big=", "=info", "big=high"):
        assert "write ID=LEVEL" in complaint(command("check", path, "--severity", wrong))


def test_only_what_is_worse_than_the_baseline_fails(command: Command, tmp_path: Path) -> None:
    path = written(tmp_path, MET + FAILS)
    words = ("check", path, "--machine", MACHINE)
    assert command(*words, "--format", "json", "--output", "old.json").code == 1
    same = command(*words, "--baseline", "old.json")
    assert (same.code, same.err) == (0, "")
    assert "the exit code is 0 by the baseline" in same.out
    written(tmp_path, MET + FAILS + FAILS.replace('"big"', '"bigger"'))
    worse = command(*words, "--baseline", "old.json", "--format", "junit")
    assert worse.code == 1
    assert reading.of_junit(worse.out) == {"fail": 1, "open": 0, "skipped or let pass": 1, "pass or warn": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not a complete JSON document"),
        ('{"schema": "llmcheck.plan/1"}', "expected llmcheck.report/1"),
        ('{"schema": "llmcheck.report/1"}', "missing required field"),
    ],
)
def test_a_baseline_that_is_none_is_refused(command: Command, tmp_path: Path, text: str, said: str) -> None:
    (command.cwd / "old.json").write_text(text, encoding="utf-8")
    done = command("check", written(tmp_path, MET), "--machine", MACHINE, "--baseline", "old.json")
    assert done.code == 2
    assert said in complaint(done)
    assert "report nothing.json: No such file" in complaint(
        command("check", "minimum", "--machine", MACHINE, "--baseline", "nothing.json")
    )


def test_what_changed_since_it_worked(command: Command, tmp_path: Path) -> None:
    path = written(tmp_path, MET)
    for name, needs in (("a.json", MET + FAILS.replace("1000 TB", "1 MB")), ("b.json", MET + FAILS)):
        path.write_text(HEAD + needs, encoding="utf-8")
        command("check", path, "--machine", MACHINE, "--format", "json", "--output", name)
    there, back, same = (
        command("diff", "a.json", "b.json"),
        command("diff", "b.json", "a.json"),
        command("diff", "a.json", "a.json"),
    )
    assert (there.code, back.code, same.code) == (1, 0, 0)
    assert there.out.startswith("1 worse")
    assert "mine/big" in there.out
    assert back.out.startswith("1 better, nothing worse")
    assert same.out.startswith("Nothing changed")
    piped = command("diff", "a.json", "-", "--format", "json", stdin=(command.cwd / "b.json").read_bytes())
    assert [each["name"] for each in piped.document["worse"]] == ["mine/big"]
    assert complaint(command("diff", "-", "-"))
    assert complaint(command("diff", "a.json", path))


def test_two_machines_are_compared_by_their_facts(command: Command) -> None:
    other = MACHINE.replace("rtx3060", "2x4090")
    done = command("diff", MACHINE, other, "--format", "json")
    assert done.code == 0
    assert {"name": "GPUs", "before": "1 x NVIDIA GeForce RTX 3060", "after": "2 x NVIDIA GeForce RTX 4090"} in (
        done.document["facts"]
    )


# --- when ---


@pytest.mark.skipif(os.name != "posix", reason="a program is a file with a mode")
def test_a_machine_that_becomes_ready_is_waited_for(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    path = written(tmp_path, '\n[[require]]\nid = "git"\nkind = "tool"\nname = "docker"\n')
    environment = command.environment({"PATH": str(folder)})
    argv = [*LLMCHECK, "check", str(path), "--wait", "60s", "--interval", "0.2s", "--format", "json"]
    with subprocess.Popen(
        argv, env=environment, cwd=command.cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        first = process.stderr.readline().decode()
        (folder / "docker").write_text("#!/bin/sh\necho Docker version 29.0.0\n", encoding="utf-8")
        (folder / "docker").chmod(0o755)
        out, _ = process.communicate(timeout=HANG_GUARD)
    assert "mine/git" in first
    assert "trying again for" in first
    assert process.returncode == 0
    document = json.loads(out)
    assert document["verdict"] == "ready"
    assert document["gate"]["tries"] > 1


def test_a_machine_that_never_becomes_ready_has_its_own_exit_code(command: Command, tmp_path: Path) -> None:
    path = written(tmp_path, MET + FAILS)
    done = command("check", path, "--wait", "1s", "--interval", "0.4s", "--format", "json")
    assert done.code == 1
    assert done.document["gate"]["tries"] > 1
    assert len(done.err.splitlines()) == 1
    assert command("check", path, "--wait", "1s", "-q").err == ""


CHILDREN = """
import os, sys
from llmcheck.api import waiting
from llmcheck.cli.main import run
most = 0
def sleep(_seconds):
    global most
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        most = max(most, len(file.read().split()) + len(os.listdir("/proc/self/fd")))
waiting.until_ready.__kwdefaults__["sleep"] = sleep
code = run(sys.argv[1:])
print(code, most)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="counts what /proc lists")
def test_many_tries_leave_no_processes_and_no_files_open(command: Command, tmp_path: Path) -> None:
    words = ("check", written(tmp_path, MET + FAILS), "--wait", "4s", "-q", "--report", "json=out.json")
    done = command(*words, program=(sys.executable, "-c", CHILDREN))
    code, most = done.out.splitlines()[-1].split()
    tries = json.loads((command.cwd / "out.json").read_bytes())["gate"]["tries"]
    assert (code, done.err) == ("1", "")
    assert int(most) < 20 < 4 * tries


@pytest.mark.parametrize("text", ["0", "-1", "x", "1d", "25h", "1e3", ""])
def test_a_time_that_is_none_is_refused(command: Command, text: str) -> None:
    assert "--wait" in complaint(command("check", "minimum", "--wait", text))


def test_another_machine_does_not_change(command: Command) -> None:
    assert "--wait" in complaint(command("check", "minimum", "--machine", MACHINE, "--wait", "1s"))


# --- where it is reported ---


def test_several_reports_of_one_run_agree(command: Command, tmp_path: Path) -> None:
    path = written(tmp_path, STATES["not ready"][0])
    names = {each: f"out.{each}" for each in FORMATS}
    reports = [word for name, file in names.items() for word in ("--report", f"{name}={file}")]
    done = command("check", path, "--machine", MACHINE, *reports, "-q")
    assert (done.code, done.err, len(done.out.splitlines())) == (1, "", 1)
    report = codec.decode_json((command.cwd / "out.json").read_bytes(), Report, "x")
    for name in reading.READERS:
        text = (command.cwd / names[name]).read_text(encoding="utf-8")
        wanted = reading.expected(name, report)
        assert wanted is None or +Counter(reading.READERS[name](text)) == +Counter(wanted), name
    loud = command("check", path, "--machine", MACHINE, "--report", "junit=a.xml", "--output", "b.json")
    assert loud.err.splitlines() == ["llmcheck: wrote a.xml (junit)", "llmcheck: wrote b.json (json)"]


def test_a_report_replaces_no_input_and_no_other_report(command: Command, tmp_path: Path) -> None:
    path = written(tmp_path, MET)
    before = path.read_bytes()
    words = ("check", path, "--machine", MACHINE)
    done = command(*words, "--report", f"junit={path}")
    assert (done.code, path.read_bytes()) == (2, before)
    assert complaint(done) == f"--report {path}: this command reads that file; nothing was written"
    command(*words, "--format", "json", "--output", "old.json")
    assert "reads that file" in complaint(command(*words, "--baseline", "old.json", "--report", "json=./old.json"))
    assert "reads that file" in complaint(command(*words, "--baseline", "old.json", "--output", "old.json"))
    assert "same file" in complaint(command(*words, "--report", "junit=a.xml", "--report", "json=./a.xml"))
    assert "same file" in complaint(command(*words, "--report", "junit=a.xml", "--output", "a.xml"))
    for wrong in ("junit", "junit=", "=x", "yaml=x", "junit=-"):
        assert "--report" in complaint(command(*words, "--report", wrong))
    assert sorted(each.name for each in command.cwd.iterdir()) == ["old.json"]


def test_nothing_is_written_where_one_format_cannot_be(command: Command, tmp_path: Path) -> None:
    (command.cwd / "prometheus_client.py").write_text("raise ImportError\n", encoding="utf-8")
    done = command(
        "check", written(tmp_path, MET), "--machine", MACHINE,
        "--report", "junit=a.xml", "--report", "prometheus=a.prom",
        env={"PYTHONPATH": str(command.cwd)},
    )  # fmt: skip
    assert done.code == 2
    assert "python -m pip install 'llmcheck[prometheus]'" in complaint(done)
    assert [each.name for each in command.cwd.glob("a.*")] == []


def test_github_gets_annotations_a_summary_and_outputs(command: Command, tmp_path: Path) -> None:
    summary, output = command.cwd / "summary.md", command.cwd / "output"
    summary.write_text("before\n", encoding="utf-8")
    env = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(output)}
    path = written(tmp_path, STATES["not ready"][0])
    done = command("check", path, "--machine", MACHINE, "--format", "github", env=env)
    assert (done.code, done.err) == (1, "")
    assert done.out.startswith("::error title=mine/big%3A not met,file=")
    assert "::Add RAM%0A" in done.out
    assert summary.read_text(encoding="utf-8").startswith("before\n")
    assert "| ✗ fail | big | 1000 TB |" in summary.read_text(encoding="utf-8")
    pairs = dict(line.split("=", 1) for line in output.read_text(encoding="utf-8").splitlines())
    assert (pairs["verdict"], pairs["exit-code"], pairs["failed"]) == ("not-ready", "1", "1")
    plain = command("check", path, "--machine", MACHINE, "--format", "text", env=env)
    assert plain.code == 1
    assert len(output.read_text(encoding="utf-8").splitlines()) == len(pairs)


def test_a_summary_that_cannot_be_written_does_not_change_the_verdict(command: Command, tmp_path: Path) -> None:
    env = {"GITHUB_STEP_SUMMARY": str(command.cwd / "no" / "summary.md"), "GITHUB_OUTPUT": str(command.cwd)}
    done = command("check", written(tmp_path, MET), "--machine", MACHINE, "--format", "github", env=env)
    assert done.code == 0
    assert [line.split(":")[1].split()[0] for line in done.err.splitlines()] == ["GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"]


def test_what_is_checked_is_listed_without_a_machine(command: Command, tmp_path: Path) -> None:
    path = written(tmp_path, MET + FAILS)
    done = command("check", path, "--list-checks", "--severity", "big=info", "--format", "json")
    assert done.code == 0
    assert [(each["id"], each["level"], each["tags"]) for each in done.document["checks"]] == [
        ("small", "required", ["memory", "first"]),
        ("big", "info", ["memory"]),
    ]
    every = command("check", "--list-checks", "--format", "json")
    assert len({each["profile"] for each in every.document["checks"]}) == 9
    assert "--list-checks" in complaint(command("check", path, "--list-checks", "--format", "junit"))


# --- presets ---


@pytest.mark.parametrize(
    ("needs", "more", "code", "true"),
    [
        (MET, (), 0, None),
        (MET + FAILS, (), 1, None),
        (MET + OPEN, (), 0, None),
        (MET + OPEN, ("--fail-on", "unknown"), 0, 3),
        (MET + WARNS, ("--fail-on", "warn"), 0, 4),
        ("nonsense = 1\n", (), 0, 2),
        (MET, ("--no-such-option",), 0, 2),
        (MET, ("--fail-on", "nothing"), 0, 2),
        (MET, ("--output", "/no/such/folder/x"), 0, 2),
    ],
)
def test_a_prolog_fails_only_what_is_not_ready(
    command: Command, tmp_path: Path, needs: str, more: tuple[str, ...], code: int, true: int | None
) -> None:
    done = command("check", written(tmp_path, needs), "--machine", MACHINE, "--preset", "prolog", *more)
    assert done.code == code
    assert done.out.count("\n") == 1
    assert len(done.out) <= 201
    if true is None:
        assert done.err == ""
    else:
        assert f"exit code {true}, reported as 0" in done.err
    same = command("check", written(tmp_path, needs), "--machine", MACHINE, "--preset=prolog", *more)
    assert (same.code, same.out) == (code, done.out)


def test_a_prolog_fails_a_bad_machine_whatever_becomes_of_its_reports(command: Command, tmp_path: Path) -> None:
    for more in (("--output", "/no/such/folder/x"), ("--report", "junit=/no/such/folder/x")):
        done = command("check", written(tmp_path, MET + FAILS), "--machine", MACHINE, "--preset", "prolog", *more)
        assert done.code == 1
        assert "nothing was written" in done.err


def broken(tmp_path: Path, module: str, text: str) -> dict[str, str]:
    """The environment in which a module of the package does something else."""
    made = f"made = types.ModuleType({module!r})\nexec({text!r}, vars(made))\nsys.modules[{module!r}] = made"
    code = f"import sys, types\n{made}\n"
    (tmp_path / "sitecustomize.py").write_text(code, encoding="utf-8")
    return {"PYTHONPATH": str(tmp_path)}


@pytest.mark.parametrize(
    ("module", "text", "true"),
    [
        ("llmcheck.api.judgement", "def check(*_, **__): raise ZeroDivisionError('planted')", 70),
        ("llmcheck.cli.main", "", 70),
        ("llmcheck.cli.main", "def run(_): raise MemoryError", 70),
        ("llmcheck.cli.failing", "def say(*_): raise ZeroDivisionError", 70),
    ],
)
def test_a_bug_of_our_own_drains_no_node(command: Command, tmp_path: Path, module: str, text: str, true: int) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    env = broken(folder, module, text)
    words = ("check", written(tmp_path, "nonsense = 1" if module.endswith("failing") else MET), "--machine", MACHINE)
    assert command(*words, "--format", "tap", env=env).code == true
    done = command(*words, "--preset", "prolog", env=env)
    assert done.code == 0
    assert f"exit code {true}, reported as 0" in done.err
    assert "Traceback" not in done.err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.parametrize("streams", ["2>/dev/full", "2>&-", ">/dev/full 2>/dev/full", ">&- 2>&-"])
def test_streams_that_cannot_be_written_drain_no_node(command: Command, tmp_path: Path, streams: str) -> None:
    for needs, code in ((MET, 0), ("nonsense = 1", 0), (MET + FAILS, 1)):
        words = ("check", str(written(tmp_path, needs)), "--machine", MACHINE, "--preset", "prolog")
        assert command.shell(f'exec "$@" {streams}', *words).code == code


def test_an_own_format_and_own_words_come_before_a_preset(command: Command, tmp_path: Path) -> None:
    done = command(
        "check", written(tmp_path, MET + FAILS), "--machine", MACHINE, "--preset", "prolog", "--format", "json",
        "--fail-on", "never",
    )  # fmt: skip
    assert (done.code, done.document["gate"]["fail_on"]) == (0, "never")


def test_an_init_container_is_a_gate_on_standard_output(command: Command, tmp_path: Path) -> None:
    done = command("check", written(tmp_path, MET + OPEN), "--machine", MACHINE, "--preset", "initcontainer")
    assert done.code == 3
    assert "mine: undetermined" in done.out


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can mount a file")
def test_a_file_that_is_mounted_is_written_in_place(command: Command, tmp_path: Path) -> None:
    """As the kubelet mounts /dev/termination-log."""
    (command.cwd / "log").write_text("what was there before, and is longer than the answer" * 50, encoding="utf-8")
    (tmp_path / "kept").write_text("old" * 3000, encoding="utf-8")
    script = f'mount --bind "{tmp_path}/kept" log && exec "$@"'
    words = ("check", str(written(tmp_path, MET + FAILS)), "--machine", MACHINE, "--report", "termination-log=log")
    done = command(*LLMCHECK, *words, program=("unshare", "--mount", "/bin/sh", "-c", script, "sh"))
    if "unshare" in done.err or "mount:" in done.err:
        pytest.skip(f"no mounts here: {done.err.strip()}")
    assert (done.code, done.err) == (1, "llmcheck: wrote log (termination-log)\n")
    text = (tmp_path / "kept").read_text(encoding="utf-8")
    assert text.startswith("llmcheck: not ready: mine/big: ")
    assert "old" not in text


def test_bad_input_is_in_the_log_of_a_container(command: Command) -> None:
    done = command("check", "nosuch", "--report", "termination-log=log")
    assert done.code == 2
    assert (command.cwd / "log").read_text(encoding="utf-8").startswith("llmcheck: exit code 2: there is no profile")


# --- what it costs ---

LOADED = """
import sys
from llmcheck.cli.main import run
code = run(sys.argv[1:])
names = ("xml", "prometheus_client", "jsonschema", "llmcheck.judge.difference", "llmcheck.judge.severity",
         "llmcheck.render.junit", "llmcheck.render.views.gate", "llmcheck.api.comparing", "llmcheck.api.waiting",
         "llmcheck.cli.failing", "llmcheck.cli.github_files", "llmcheck.cli.waiting")
print(*[each for each in names if each in sys.modules], file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "loaded"),
    [
        (("minimum",), ""),
        (("minimum", "--format", "json"), ""),
        (("--help",), ""),
        (("minimum", "--format", "slurm"), "llmcheck.judge.difference llmcheck.render.views.gate"),
        (("minimum", "--severity", "gpu=info"), "llmcheck.judge.severity"),
    ],
)
def test_nothing_of_the_gate_is_imported_unless_used(words: tuple[str, ...], loaded: str) -> None:
    argv = [sys.executable, "-c", LOADED, "check", *words, *(() if words == ("--help",) else ("--machine", MACHINE))]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=HANG_GUARD)
    assert done.stderr.strip() == loaded
