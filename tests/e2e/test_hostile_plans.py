"""A profile comes from somewhere else: whatever it holds, the printed script does nothing but ask its installer."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from llmcheck import catalog
from llmcheck.catalog import profiles
from llmcheck.errors import LlmcheckError
from llmcheck.install.choose import missing_libraries
from llmcheck.install.plan import plan_installation
from llmcheck.install.target import PlanOptions
from llmcheck.judge.evaluate import evaluate
from llmcheck.render import Options, sh
from llmcheck.schema.advice import Plan
from tests.machines_builder import card, machine, python

KNOWLEDGE = catalog.tables()
INDEXES = (
    "https://download.pytorch.org/whl/",
    "https://abetlen.github.io/llama-cpp-python/whl/",
    "https://pypi.jetson-ai-lab.io/",
    "https://pypi.nvidia.com",
)
NASTY = st.sampled_from(
    [
        "$(touch pwned)",
        "`touch pwned`",
        "x; touch pwned",
        "x\ntouch pwned",
        "--index-url=https://evil.example",
        "-r/etc/passwd",
        "x @ https://evil.example/x.whl",
        "git+https://evil.example/x",
        "'; touch pwned; '",
        '"; touch pwned; "',
        "x[extra]",
        "../../x",
        "\x1b[31mred",
        "x # y",
        "torch",
        "transformers",
        "our-own",
        "",
    ]
)
TEXT = st.one_of(NASTY, st.text(max_size=12))
VERSION = st.one_of(
    st.none(), NASTY, st.sampled_from([">=1", "==1.0", "<2,>=1", "~=4.3", "===1;touch pwned", ">=1 ; x", "!=1.*"])
)
PLAIN = {
    "name": st.sampled_from(["torch", "transformers", "peft", "our-own"]),
    "version": st.sampled_from([None, ">=1", "<99,>=1", "!=1.*"]),
    "library": st.none(),
    "label": st.none(),
    "why": st.none(),
}
HOSTILE = {**dict.fromkeys(PLAIN, TEXT), "version": VERSION}


@st.composite
def hostile_profiles(draw: st.DrawFn) -> dict[str, object]:
    """Anything in two fields of each requirement at most: with more, a profile is refused before it is planned."""
    wanted = []
    for number in range(draw(st.integers(1, 3))):
        fields = draw(st.sets(st.sampled_from(sorted(PLAIN)), max_size=2))
        keys = {name: draw(HOSTILE[name] if name in fields else plain) for name, plain in PLAIN.items()}
        stated = {key: value for key, value in keys.items() if value is not None}
        wanted.append({"id": f"r{number}", "kind": "package", **stated})
    return {"id": draw(TEXT), "title": draw(TEXT), "task": "general", "sources": [draw(TEXT)], "require": wanted}


FOLDERS = st.one_of(st.sampled_from(["plain", "it's", "$(touch pwned)", "a b", "`id`", "-rf"]), st.text(max_size=8))


def planned(table: dict[str, object], folder: str, venv: str | None) -> Plan | None:
    """None where the profile, or what it asks for, is refused."""
    where = machine(card("V100"), interpreter=python(executable=f"/srv/{folder}/bin/python"))
    try:
        profile = profiles.decode_profile(table, "hostile.toml")
        wanted = missing_libraries(evaluate(profile, where).findings, where, KNOWLEDGE, profile)
        return plan_installation(profile.id, wanted.libraries, where, KNOWLEDGE, PlanOptions(venv=venv), wanted)
    except LlmcheckError:
        return None


def test_some_hostile_profiles_lead_to_steps() -> None:
    """Else the property below would say nothing."""

    def has_requirements(table: dict[str, object]) -> bool:
        made = planned(table, "plain", None)
        return made is not None and any(step.requirements for each in made.environments for step in each.steps)

    assert find(hostile_profiles(), has_requirements, settings=settings(max_examples=1000))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(table=hostile_profiles(), folder=FOLDERS, venv=st.one_of(st.none(), FOLDERS))
def test_a_hostile_profile_leads_to_plain_requirements_from_known_indexes(
    table: dict[str, object], folder: str, venv: str | None
) -> None:
    made = planned(table, folder, venv)
    if made is None:
        return
    script = sh.render(made, Options())
    for environment in made.environments:
        for step in environment.steps:
            assert shlex.split(step.command) == list(step.argv)
            for url in (step.index_url, step.extra_index_url):
                assert url is None or url.startswith(INDEXES)
            for text in step.requirements:
                asked = Requirement(text)
                assert asked.url is None
                assert asked.marker is None
                assert not text.startswith("-")
    assert subprocess.run(["sh", "-n"], input=script, text=True, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("nasty", ["$(touch pwned)", "it's; touch pwned", "`touch pwned`", "a b", "-rf", "*"])
def test_running_the_script_calls_the_installer_and_nothing_else(tmp_path: Path, nasty: str) -> None:
    folder = tmp_path / nasty / "bin"
    folder.mkdir(parents=True)
    log = tmp_path / "calls"
    fake = folder / "python"
    fake.write_text(f'#!/bin/sh\nfor word in "$@"; do printf "%s\\0" "$word"; done >> {log}\nprintf "\\n" >> {log}\n')
    fake.chmod(0o755)
    where = machine(card("V100"), interpreter=python(executable=str(fake)))
    table = {
        "id": nasty,
        "title": nasty,
        "task": "general",
        "sources": [nasty],
        "require": [
            {"id": "one", "kind": "package", "name": "our-own", "version": ">=1.2", "label": nasty, "why": nasty},
            {"id": "two", "kind": "package", "name": "transformers", "label": nasty},
        ],
    }
    profile = profiles.decode_profile(table, "hostile.toml")
    wanted = missing_libraries(evaluate(profile, where).findings, where, KNOWLEDGE, profile)
    made = plan_installation(nasty, wanted.libraries, where, KNOWLEDGE, tier=wanted)
    work = tmp_path / "work"
    work.mkdir()
    script = sh.render(made, Options())
    subprocess.run(["sh"], input=script, text=True, check=True, cwd=work, env={"PATH": os.defpath}, capture_output=True)
    assert list(work.iterdir()) == []
    calls = [line.split("\0")[:-1] for line in log.read_text().split("\n") if line]
    assert calls == [list(step.argv[1:]) for each in made.environments for step in each.steps]
    assert ["our-own>=1.2"] in [call[-1:] for call in calls]


def test_a_profile_whose_library_is_an_option_is_refused() -> None:
    table = {"id": "x", "title": "x", "task": "general", "sources": [], "require": []}
    for key, value in (("library", "--index-url=https://evil.example"), ("name", "-r x"), ("version", "@ https://x")):
        asked = {"id": "a", "kind": "package", "name": "plain", key: value}
        with pytest.raises(LlmcheckError) as caught:
            profiles.decode_profile({**table, "require": [asked]}, "hostile.toml")
        assert "\n" not in str(caught.value)
