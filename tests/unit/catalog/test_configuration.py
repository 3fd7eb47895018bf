"""A project's file and the variables as defaults: by parameter, with paths from the working directory."""

from __future__ import annotations

import pytest

from llmcheck.catalog.configuration import Configured, of_files, of_variables
from llmcheck.errors import DataError
from llmcheck.system.project_file import ProjectFile


def said(text: str, name: str = "llmcheck.toml", cwd: str = "/project/deep") -> Configured:
    return of_files((ProjectFile(f"/project/{name}", text.encode()),), cwd)


def test_paths_of_the_file_are_paths_from_the_working_directory() -> None:
    found = said('profiles = ["minimum", "ci/node.toml", "/etc/node.toml"]\npath = "models"\nfail-on = "warn"')
    assert found.values == {
        "profiles": ("minimum", "../ci/node.toml", "/etc/node.toml"),
        "path": "../models",
        "fail_on": "warn",
    }
    assert set(found.places.values()) == {"../llmcheck.toml"}


def test_a_path_in_the_working_directory_is_not_taken_for_an_id() -> None:
    assert said('profiles = ["node.toml"]', cwd="/project").values["profiles"] == ("./node.toml",)


def test_a_shared_file_has_a_table_of_its_own() -> None:
    text = "[tool.other]\nprofiles = 3\n[tool.llmcheck]\ntimeout = 60\n"
    found = said(text, "pyproject.toml")
    assert found.values == {"timeout": 60.0}
    assert found.places == {"timeout": "../pyproject.toml, [tool.llmcheck]"}


def test_the_nearest_file_that_says_anything_decides_alone() -> None:
    files = (
        ProjectFile("/p/a/pyproject.toml", b'name = "llmcheck"'),
        ProjectFile("/p/llmcheck.toml", b'fail-on = "warn"'),
        ProjectFile("/llmcheck.toml", b"timeout = 3"),
    )
    assert of_files(files, "/p/a").values == {"fail_on": "warn"}


def test_a_file_that_was_not_read_is_named_with_the_reason() -> None:
    (line,) = of_files((ProjectFile("/p/llmcheck.toml", None, "somebody's"),), "/p").left_alone
    assert line == "llmcheck.toml was not read: somebody's; name it with --config to have it read"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('profile = ["a"]', "llmcheck.toml: unknown key 'profile' (did you mean 'profiles'?); accepted: fail-on, "),
        ('fail_on = "warn"', "unknown key 'fail_on' (did you mean 'fail-on'?)"),
        ('output = "x"', "unknown key 'output'"),
        ('python = "/tmp/python"', "unknown key 'python'"),
        ("allow-exec = true", "unknown key 'allow-exec'"),
        ("probe-net = true", "unknown key 'probe-net'"),
        ('profiles = "minimum"', "llmcheck.toml, profiles: expected `array | null`"),
        ('profiles = ["minimun"]', "there is no profile 'minimun' (did you mean 'minimum'?)"),
        ("timeout = 0", "llmcheck.toml, timeout: expected a number of at least 0.1"),
        ('fail-on = "never"', "llmcheck.toml, fail-on: "),
        ("[", "llmcheck.toml: not valid TOML"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(DataError) as refused:
        said(text, cwd="/project")
    assert problem in str(refused.value)
    assert "\n" not in str(refused.value)


def test_variables_are_the_keys_in_capitals() -> None:
    environ = {
        "LLMCHECK_PROFILES": "minimum,inference-7b",
        "LLMCHECK_TIMEOUT": "60",
        "LLMCHECK_SKIP": " , ",
        "PATH": "x",
    }
    found = of_variables(environ)
    assert found.values == {"profiles": ("minimum", "inference-7b"), "timeout": 60.0}
    assert found.places == {"profiles": "LLMCHECK_PROFILES", "timeout": "LLMCHECK_TIMEOUT"}


@pytest.mark.parametrize(("name", "value"), [("FAIL_ON", "x"), ("TIMEOUT", "soon"), ("PROBE_TIMEOUT", "1e9")])
def test_a_variable_that_cannot_be_meant_is_named(name: str, value: str) -> None:
    with pytest.raises(DataError, match=f"^LLMCHECK_{name}: "):
        of_variables({f"LLMCHECK_{name}": value})


def test_no_key_names_a_program_or_a_file_to_write() -> None:
    from llmcheck.schema.configuration import Configuration

    reading = {"profiles", "skip", "only", "vars", "fail_on", "path", "timeout", "probe_timeout"}
    assert set(Configuration.__struct_fields__) == reading
