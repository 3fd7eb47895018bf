"""``llmcheck mcp``, driven over standard input and output by the client of the SDK."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult, TextContent, Tool

from tests.e2e.command import HANG_GUARD, Command

CARD = "RTX 3060, 32 GB RAM, 500 GB disk"
READ_ONLY = {"inspect", "check", "fit", "recommend", "install_plan", "offers"}
DATES = ("created_at", "collected_at")


def with_client(folder: Path, use: Callable[[Client], Awaitable[Any]]) -> Any:
    """What ``use`` returns of a client whose server was started in this folder."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-P", "-m", "llmcheck", "mcp"],
        env=Command(folder, folder).environment(),
        cwd=folder,
    )

    async def run() -> Any:
        async with Client(server) as client:
            return await use(client)

    return asyncio.run(asyncio.wait_for(run(), HANG_GUARD))


def call(folder: Path, tool: str, arguments: dict[str, Any]) -> CallToolResult:
    result: CallToolResult = with_client(folder, lambda client: client.call_tool(tool, arguments))
    return result


def tools(folder: Path) -> dict[str, Tool]:
    found = with_client(folder, lambda client: client.list_tools())
    return {each.name: each for each in found.tools}


def texts(result: CallToolResult) -> list[str]:
    return [each.text for each in result.content if isinstance(each, TextContent)]


def without_dates(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_dates(each) for key, each in value.items() if key not in DATES}
    return [without_dates(each) for each in value] if isinstance(value, list) else value


def test_every_tool_says_that_it_only_reads_and_what_it_takes(tmp_path: Path) -> None:
    found = tools(tmp_path)
    assert set(found) - {"explain"} == READ_ONLY
    for tool in found.values():
        assert tool.description
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
        assert not tool.annotations.open_world_hint
        forbidden = {"output", "save", "verify", "probe_net", "python", "venv", "path"}
        assert forbidden.isdisjoint(tool.input_schema["properties"])


def test_every_text_that_a_tool_takes_has_a_limit(tmp_path: Path) -> None:
    def unbounded(schema: Any, where: str) -> list[str]:
        kinds = schema.get("anyOf", [schema])
        found = []
        for kind in kinds:
            if kind.get("type") == "string" and "enum" not in kind and "maxLength" not in kind:
                found.append(where)
            if kind.get("type") == "array":
                found += [] if "maxItems" in kind else [where]
                found += unbounded(kind["items"], f"{where}[]")
            if kind.get("type") == "integer" and "maximum" not in kind:
                found.append(where)
        return found

    for name, tool in tools(tmp_path).items():
        for key, schema in tool.input_schema["properties"].items():
            assert unbounded(schema, f"{name}.{key}") == []


@pytest.mark.parametrize(
    ("tool", "arguments", "command"),
    [
        ("check", {"profiles": ["inference-7b"], "machine": CARD}, ["check", "inference-7b", "--machine", CARD]),
        (
            "check",
            {"profiles": ["finetune-7b"], "machine": CARD, "only": ["hardware"], "skip": ["ram"]},
            ["check", "finetune-7b", "--machine", CARD, "--only", "hardware", "--skip", "ram"],
        ),
        (
            "fit",
            {"model": "7B", "machine": CARD, "method": "qlora", "context": 4096, "assume_idle": True},
            ["fit", "7B", "--machine", CARD, "--method", "qlora", "--context", "4096", "--assume-idle"],
        ),
        ("recommend", {"machine": CARD, "task": "code"}, ["recommend", "--machine", CARD, "--task", "code"]),
        (
            "install_plan",
            {"targets": ["inference-7b"], "machine": CARD, "installer": "pip"},
            ["install", "inference-7b", "--machine", CARD, "--installer", "pip"],
        ),
        ("offers", {"tier": "inference-7b"}, ["cloud", "inference-7b"]),
        ("offers", {"model": "70B", "context": 8192}, ["cloud", "--model", "70B", "--context", "8192"]),
        ("inspect", {}, ["machine", "--redact", "standard"]),
    ],
)
def test_the_answer_is_the_json_of_the_command(
    tmp_path: Path, tool: str, arguments: dict[str, Any], command: list[str]
) -> None:
    result = call(tmp_path, tool, arguments)
    done = Command(tmp_path, tmp_path)(*command, "--format", "json")
    answer, beside = texts(result)
    assert not result.is_error
    assert beside.splitlines()[0] == f"exit code {done.code}"
    assert json.loads(answer).keys() == done.document.keys()
    if tool != "inspect":  # a machine changes from one moment to the next
        assert without_dates(json.loads(answer)) == without_dates(done.document)


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("check", {"profiles": ["inference-7"]}, "did you mean 'inference-7b'"),
        ("check", {"profiles": []}, "at least 1 item"),
        ("check", {"profiles": ["x"] * 21}, "at most 20 items"),
        ("check", {"profiles": ["x" * 301]}, "at most 300 characters"),
        ("check", {"profiles": ["a\x00b"]}, "pattern"),
        ("check", {"profiles": ["a\nb"]}, "pattern"),
        ("check", {"profiles": ["inference-7b"], "machine": "-"}, "at least 2 characters"),
        ("check", {"profiles": ["inference-7b"], "machine": "RTX 4909"}, "RTX 4090"),
        ("fit", {"model": "--help"}, "'--help' is not a file"),
        ("fit", {"model": "7B", "context": 0}, "greater than or equal to 1"),
        ("fit", {"model": "7B", "method": "all"}, "method"),
        ("offers", {"tier": "inference-7b", "model": "7B"}, "not both"),
        ("offers", {"providers": ["no-such-cloud"]}, "it has no offer"),
        ("offers", {"model": "some/repository"}, "nothing is fetched"),
        ("recommend", {"why": "nothing-of-that-name"}, "nothing-of-that-name"),
        ("install_plan", {"targets": ["evil; rm -rf /"]}, "neither a profile nor a library"),
    ],
)
def test_bad_input_is_an_error_of_the_tool_and_the_server_goes_on(
    tmp_path: Path, tool: str, arguments: dict[str, Any], words: str
) -> None:
    async def use(client: Client) -> tuple[CallToolResult, CallToolResult]:
        return await client.call_tool(tool, arguments), await client.call_tool("offers", {"tier": "inference-7b"})

    wrong, right = with_client(tmp_path, use)
    assert wrong.is_error
    assert not right.is_error
    (message,) = texts(wrong)
    assert words in message
    assert "Traceback" not in message


def test_a_word_is_never_taken_for_an_option(tmp_path: Path) -> None:
    written = tmp_path / "written"
    questions: list[tuple[str, dict[str, Any]]] = [
        ("check", {"profiles": ["inference-7b", f"--output={written}"]}),
        ("install_plan", {"targets": ["vllm", f"--output={written}"]}),
        ("fit", {"model": f"--output={written}"}),
        ("fit", {"model": "7B", "weights": f"bf16 --output={written}"}),
        ("offers", {"tier": f"--output={written}"}),
    ]
    for tool, arguments in questions:
        assert call(tmp_path, tool, arguments).is_error
    assert not written.exists()


def test_nothing_is_written_and_a_folder_named_like_the_package_is_not_imported(tmp_path: Path) -> None:
    planted = tmp_path / "llmcheck"
    planted.mkdir()
    (planted / "__init__.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w')\n", encoding="utf-8")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}

    questions: list[tuple[str, dict[str, Any]]] = [
        ("inspect", {}),
        ("check", {"profiles": ["toolkit"]}),
        ("install_plan", {"targets": ["toolkit"]}),
        ("fit", {"model": "7B"}),
    ]

    async def use(client: Client) -> None:
        for tool, arguments in questions:
            assert not (await client.call_tool(tool, arguments)).is_error

    with_client(tmp_path, use)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_several_questions_at_once_have_their_own_answers(tmp_path: Path) -> None:
    async def use(client: Client) -> list[CallToolResult]:
        sizes = ("7B", "13B", "30B", "70B")
        asked = [client.call_tool("fit", {"model": each, "machine": CARD}) for each in sizes]
        return list(await asyncio.gather(*asked))

    answers = [json.loads(texts(each)[0]) for each in with_client(tmp_path, use)]
    totals = [each["memory"]["weights"] for each in answers]
    assert totals == sorted(set(totals))


def test_it_ends_with_its_standard_input(tmp_path: Path) -> None:
    done = Command(tmp_path, tmp_path)("mcp")
    assert (done.code, done.raw) == (0, b"")


def test_without_the_extra_one_line_says_what_to_install(tmp_path: Path) -> None:
    program = "import sys; sys.modules['mcp'] = None; from llmcheck.cli.main import run; sys.exit(run(['mcp']))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ}, cwd=tmp_path, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "pip install 'llmcheck[mcp]'" in line
