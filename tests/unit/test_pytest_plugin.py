"""The mark of the pytest plug-in, in runs of pytest of their own."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

import llmcheck
from llmcheck.pytest_plugin import Gate

pytest_plugins = ["pytester"]

READY = "RTX 3060, 32 GB RAM, 500 GB disk"
TOO_SMALL = "GTX 1650, 8 GB RAM, 500 GB disk"
UNKNOWN = "RTX 3060, 32 GB RAM"
TEST = """
    import pytest

    @pytest.mark.llmcheck("inference-7b")
    def test_runs(): pass

    def test_without(): pass
"""


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-rs", "--strict-markers", "-p", "no:xdist", "-p", "no:cov", *arguments)


def test_pytest_finds_the_plug_in_of_an_installed_llmcheck() -> None:
    (found,) = [each for each in entry_points(group="pytest11") if each.name == "llmcheck"]
    assert found.value == "llmcheck.pytest_plugin"


def test_a_test_runs_where_the_machine_is_ready(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TEST)
    run(pytester, "--llmcheck-machine", READY).assert_outcomes(passed=2)


@pytest.mark.parametrize(("machine", "word"), [(TOO_SMALL, "not-ready"), (UNKNOWN, "undetermined")])
def test_a_test_is_skipped_with_the_reason_where_it_is_not(pytester: pytest.Pytester, machine: str, word: str) -> None:
    pytester.makepyfile(TEST)
    result = run(pytester, "--llmcheck-machine", machine)
    result.assert_outcomes(passed=1, skipped=1)
    report = llmcheck.check("inference-7b", machine)
    failed = [each for each in report.profiles[0].findings if each.status in ("fail", "unknown")]
    assert report.verdict == word
    result.stdout.fnmatch_lines(
        [f"SKIPPED*test_a_test_is*llmcheck: {word} for inference-7b: {failed[0].message[:30]}*"]
    )


def test_it_fails_instead_where_a_skipped_test_would_hide_something(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TEST)
    result = run(pytester, "--llmcheck-machine", TOO_SMALL, "--llmcheck", "fail")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*llmcheck: not-ready for inference-7b*"])


def test_it_runs_unjudged_where_that_is_wanted(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TEST)
    run(pytester, "--llmcheck-machine", "no such machine", "--llmcheck", "run").assert_outcomes(passed=2)


def test_marks_of_module_class_and_function_all_count(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest
        pytestmark = pytest.mark.llmcheck("inference-7b", only="hardware")

        class TestSmall:
            def test_small(self): pass

            @pytest.mark.llmcheck("inference-70b", only=["hardware"])
            def test_large(self): pass
    """)
    result = run(pytester, "--llmcheck-machine", READY)
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*llmcheck: not-ready for inference-70b*"])
    result = run(pytester, "--llmcheck-machine", TOO_SMALL)
    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(["SKIPPED*llmcheck: not-ready for inference-7b*"])


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ('"inference-7"', "did you mean*inference-7b"),
        ("", "name one profile"),
        ("7", "name one profile"),
        ('"inference-7b", onyl="hardware"', "unknown argument 'onyl'"),
        ('"inference-7b", only="hardwear"', "did you mean 'hardware'"),
        ('"./nothing.toml"', "nothing.toml"),
    ],
)
def test_a_wrong_mark_is_an_error_and_never_a_skipped_test(pytester: pytest.Pytester, mark: str, words: str) -> None:
    pytester.makepyfile(f"""
        import pytest

        @pytest.mark.llmcheck({mark})
        def test_runs(): pass
    """)
    result = run(pytester, "--llmcheck-machine", READY)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*@pytest.mark.llmcheck: *{words}*"])


def test_a_wrong_machine_is_an_error_of_each_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TEST)
    result = run(pytester, "--llmcheck-machine", "RTX 4909")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*RTX 4090*"])


def test_this_machine_is_inspected_without_the_option_and_warnings_as_errors(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest

        @pytest.mark.llmcheck("pretrain")
        def test_large(): pass
    """)
    run(pytester, "-W", "error").assert_outcomes(skipped=1)


def test_a_run_without_the_mark_imports_nothing_of_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import sys

        def test_imported():
            found = [each for each in sys.modules if each.startswith("llmcheck")]
            assert found == ["llmcheck", "llmcheck.pytest_plugin"]
            assert "msgspec" not in sys.modules
    """)
    run(pytester).assert_outcomes(passed=1)


def test_the_machine_is_asked_once() -> None:
    asked = []

    def machine() -> llmcheck.Machine:
        asked.append(1)
        return llmcheck.load_machine(READY)

    gate = Gate(machine)
    assert gate.reason(("inference-7b",)) is None
    assert gate.reason(("inference-7b",), only=("hardware",)) is None
    assert gate.reason(("inference-7b",)) is None
    assert len(asked) == 1


def test_a_machine_that_cannot_be_inspected_is_a_reason() -> None:
    def machine() -> llmcheck.Machine:
        raise llmcheck.InspectionError("this machine could not be inspected: x")

    assert Gate(machine).reason(("toolkit",)) == "llmcheck: this machine could not be inspected: x"
