"""The tools that ``llmcheck mcp`` offers to an agent: each asks one command of llmcheck, in a process of its own.

So an answer is the JSON of that command, its limits on time hold, what is outdated in a long session is read anew, and
a defect or a hang ends one answer and not the server. No tool has an argument that writes, uses the network or runs
what it is given: words become values of options, never options.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Literal

import anyio
from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, TextContent, ToolAnnotations
from pydantic import Field

from llmcheck import __version__, registry
from llmcheck.cli import commands
from llmcheck.printable import printable, shortened
from llmcheck.schema.bounds import MOST_GPUS, MOST_SEQUENCES, MOST_TOKENS

_SECONDS = 180.0
"""After which an answer is given up; an inspection has 45 s."""
_AT_A_TIME = 2
_LONGEST_MESSAGE = 4000
_PRINTABLE = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
"""One line, and not blank."""

Name = Annotated[str, Field(min_length=1, max_length=300, pattern=_PRINTABLE)]
Names = Annotated[list[Name], Field(max_length=20)]
SomeNames = Annotated[list[Name], Field(min_length=1, max_length=20)]
MachineText = Annotated[
    str,
    Field(
        min_length=2,  # "-" would be standard input
        max_length=1000,
        pattern=_PRINTABLE,
        description="Another machine than this one: in words ('2x RTX 4090, 64 GB RAM, 1 TB disk'), or the path of a "
        "file of 'llmcheck machine --save FILE'. None: this machine, as it is now.",
    ),
]
ModelName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=300,
        pattern=_PRINTABLE,
        description="A known model ('llama-3.1-8b'), a repository ('Qwen/Qwen3-8B'), a size ('7B'), or the path of a "
        "GGUF, safetensors or config.json file.",
    ),
]
Tokens = Annotated[int, Field(ge=1, le=MOST_TOKENS, description="Tokens of each sequence, prompt and answer together.")]
Weights = Annotated[Name, Field(description="Format of the weights: bf16, fp8, q4_k_m, awq, nf4-dq, ...")]
Preference = Literal["balanced", "quality", "speed", "context"]
Idle = Annotated[bool, Field(description="Ignore the memory that other processes use now.")]


async def inspect(
    redact: Annotated[
        Literal["none", "standard", "strict"],
        Field(description="How much of what identifies the machine or its user is left out."),
    ] = "standard",
) -> CallToolResult:
    """The inventory of this machine: GPUs, memory, disks, interconnect, installed packages, and known problems.

    Sizes are in bytes. null: it could not be found out; `problems` has the reason.
    """
    return await _answer("machine", _option("redact", redact))


async def check(
    profiles: Annotated[SomeNames, Field(description="Ids such as 'inference-7b', or paths of .toml files.")],
    machine: MachineText | None = None,
    only: Annotated[Names, Field(description="Judge only these requirements or groups (hardware, software).")] = (),  # type: ignore[assignment]
    skip: Annotated[Names, Field(description="Leave out these requirements or groups.")] = (),  # type: ignore[assignment]
) -> CallToolResult:
    """Whether a machine is ready for a kind of LLM work, with each finding, what is missing, and the remedy.

    `verdict` is ready, not-ready or undetermined; `exit_code` 0, 1 or 3.
    """
    several = [
        word for name, values in (("only", only), ("skip", skip)) for each in values for word in _option(name, each)
    ]
    return await _answer("check", [*_option("machine", machine), *several], profiles)


async def fit(
    model: ModelName,
    machine: MachineText | None = None,
    method: Annotated[
        Literal["inference", "full", "lora", "qlora", "pretrain"], Field(description="How the model is used.")
    ] = "inference",
    context: Tokens | None = None,
    weights: Weights | None = None,
    runtime: Annotated[Name, Field(description="vllm, llama-cpp, transformers, ...")] | None = None,
    batch: Annotated[int, Field(ge=1, le=MOST_SEQUENCES, description="Sequences at a time.")] | None = None,
    gpus: Annotated[int, Field(ge=1, le=MOST_GPUS, description="GPUs to use.")] | None = None,
    prefer: Annotated[Preference, Field(description="What decides between ways to run it.")] = "balanced",
    assume_idle: Idle = False,
) -> CallToolResult:
    """Whether a model fits on a machine, how much memory it takes, how fast it runs, and the command that runs it.

    `plans` are the ways that fit, the best first, each with `launch`; `ways` are changes that would make it fit.
    """
    options = [
        *_option("machine", machine),
        *_option("method", method),
        *_option("context", context),
        *_option("weights", weights),
        *_option("runtime", runtime),
        *_option("batch", batch),
        *_option("gpus", gpus),
        *_option("prefer", prefer),
        *_switch("assume-idle", assume_idle),
    ]
    return await _answer("fit", options, [model])


async def recommend(
    machine: MachineText | None = None,
    task: Annotated[
        Literal["chat", "code", "reason", "vision", "embed", "finetune"], Field(description="What the model is for.")
    ] = "chat",
    context: Tokens | None = None,
    prefer: Annotated[Preference, Field(description="What counts most.")] = "balanced",
    why: Annotated[Name, Field(description="Tell of this model why it is on the list or not.")] | None = None,
    assume_idle: Idle = False,
) -> CallToolResult:
    """Which models to run on a machine, each with the best way to run it and the evaluation that ranks it."""
    options = [
        *_option("machine", machine),
        *_option("task", task),
        *_option("context", context),
        *_option("prefer", prefer),
        *_option("why", why),
        *_switch("assume-idle", assume_idle),
    ]
    return await _answer("recommend", options)


async def install_plan(
    targets: Annotated[SomeNames, Field(description="Profiles, whose missing libraries are meant, or libraries.")],
    machine: MachineText | None = None,
    installer: Literal["auto", "uv", "pip", "conda"] = "auto",
    shell: Literal["bash", "fish", "powershell", "cmd"] | None = None,
) -> CallToolResult:
    """The commands that install what is missing, in order, with the build of PyTorch for this driver. None is run.

    Show them to the person before you run any.
    """
    options = [*_option("machine", machine), *_option("installer", installer), *_option("shell", shell)]
    return await _answer("install", options, targets)


async def offers(
    tier: Annotated[Name, Field(description="The id of a profile, such as 'inference-70b'; or name a model.")]
    | None = None,
    model: ModelName | None = None,
    method: Annotated[Literal["inference", "full", "lora", "qlora"], Field(description="How the model is used.")]
    | None = None,
    context: Tokens | None = None,
    weights: Weights | None = None,
    machine: MachineText | None = None,
) -> CallToolResult:
    """Machines to rent on which a tier is ready or a model fits, the cheapest of each provider first.

    Prices are list prices with date and source. Name either a tier or a model.
    """
    options = [
        *_option("machine", machine),
        *_option("model", model),
        *_option("method", method),
        *_option("context", context),
        *_option("weights", weights),
    ]
    offline = {"HF_HUB_OFFLINE": "1"}  # a repository that is not here would be fetched
    return await _answer("cloud", options, [] if tier is None else [tier], offline)


async def explain(
    word: Annotated[Name, Field(description="An id, code, status or fact of an answer: 'ecc-errors', 'gpus[*].ecc'.")],
    profiles: Annotated[Names, Field(description="Profile files whose requirements are meant too.")] = (),  # type: ignore[assignment]
) -> CallToolResult:
    """What a word of an answer means: a requirement, a problem's code, a status, a verdict, an exit code, a fact."""
    return await _answer("explain", [each for value in profiles for each in _option("profile", value)], [word])


_TOOLS: tuple[tuple[Callable[..., Awaitable[CallToolResult]], str], ...] = (
    (inspect, "machine"),
    (check, "check"),
    (fit, "fit"),
    (recommend, "recommend"),
    (install_plan, "install"),
    (offers, "cloud"),
    (explain, "explain"),
)
"""Each with the command that answers it."""
_READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
_INSTRUCTIONS = (
    "llmcheck tells whether a machine is ready for LLM work and what to do if it is not. It only reads: no tool runs, "
    "installs, deletes or sends anything. Facts that could not be found out are null, never zero."
)


def server() -> MCPServer:
    """With a tool for each function above whose command there is."""
    found = MCPServer("llmcheck", version=__version__, instructions=_INSTRUCTIONS, log_level="ERROR")
    known = registry.names(commands.__name__)
    for tool, name in _TOOLS:
        if name in known:
            found.tool(annotations=_READS)(tool)
    return found


def _option(name: str, value: str | int | None) -> list[str]:
    """As one word, so that no value is taken for an option."""
    return [] if value is None else [f"--{name}={value}"]


def _switch(name: str, value: bool) -> list[str]:
    return [f"--{name}"] if value else []


_slots = anyio.Semaphore(_AT_A_TIME)


async def _answer(
    command: str, options: Sequence[str], names: Sequence[str] = (), more: Mapping[str, str] | None = None
) -> CallToolResult:
    """The JSON of a command, then its exit code and what it said beside it; an error where there is no JSON."""
    # -P: a folder of that name where the server was started is not imported
    words = [sys.executable, "-P", "-m", "llmcheck", command, "--format=json", *options, "--", *names]
    try:
        async with _slots:
            with anyio.fail_after(_SECONDS):
                done = await anyio.run_process(
                    words, stdin=subprocess.DEVNULL, check=False, env={**os.environ, **(more or {})}
                )
    except TimeoutError:
        return _error(f"no answer within {_SECONDS:g} s")
    said = [printable(line.removeprefix("llmcheck: ")) for line in done.stderr.decode("utf-8", "replace").splitlines()]
    message = shortened("\n".join(said), _LONGEST_MESSAGE)
    if not done.stdout:
        return _error(message or f"exit code {done.returncode} and no answer")
    beside = "\n".join([f"exit code {done.returncode}", *([message] if message else [])])
    texts = (done.stdout.decode("utf-8"), beside)
    return CallToolResult(content=[TextContent(type="text", text=each) for each in texts])


def _error(message: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=message)], is_error=True)
