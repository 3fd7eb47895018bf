"""Every model family holds to its shape: pinned by name, and each read by its own example against published figures.

A file in ``llmcheck/checkpoint/families/`` is tested here without an edit, save for the list of names.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmcheck import registry
from llmcheck.checkpoint import config, families, gguf
from llmcheck.checkpoint.families import _rows
from llmcheck.checkpoint.family import Example, Family, GgufArchitecture, Tower
from llmcheck.errors import DataError
from tests.unit.checkpoint import gguf_writer as writer

PACKAGE = "llmcheck.checkpoint.families"
NAMES = registry.names(PACKAGE)
OF_FILES: dict[str, tuple[Family, ...]] = {name: registry.load(PACKAGE, name).FAMILIES for name in NAMES}
FAMILIES = {
    f"{name}-{index}": family
    for name, listed in (*OF_FILES.items(), ("_rows", _rows.FAMILIES))
    for index, family in enumerate(listed)
}
EXAMPLES = {name: family.example for name, family in FAMILIES.items() if family.example is not None}
REASONS = {"writes by diffusion, which is not modelled", "has an encoder"}
REFUSED = [model_type for family in FAMILIES.values() if family.refusal for model_type in family.model_types]
TOWERS = [(name, tower) for name, family in FAMILIES.items() for tower in family.towers]
OF_GGUF = [(each, name) for family in FAMILIES.values() for each in family.gguf for name in each.names]
PLAIN: dict[str, Any] = {
    "hidden_size": 1024, "num_hidden_layers": 4, "num_attention_heads": 16, "num_key_value_heads": 4,
    "intermediate_size": 4096, "vocab_size": 32000,
}  # fmt: skip


def test_the_list_of_families() -> None:
    assert NAMES == (
        "apertus", "arcee", "baichuan", "bailing", "bamba", "biogpt", "bloom", "chatglm", "clip", "codegen", "cohere",
        "dbrx", "deepseek", "deepseek_v4", "encoders", "ernie4_5", "exaone4", "falcon", "falcon_h1", "gemma", "gemma4",
        "glm", "glm_moe_dsa", "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox", "gpt_oss", "gptj", "granite", "grok",
        "hunyuan", "hy_v3", "internlm", "jamba", "kimi_k2", "kimi_linear", "laguna", "lfm2", "llama", "llama4", "mamba",
        "mellum", "mimo", "minicpm", "minimax", "mistral", "mixtral", "mllama", "mpt", "muse_glimmer", "nemotron",
        "nemotron_h", "nemotron_nas", "olmo", "opt", "persimmon", "phi", "phi3", "phimoe", "qwen", "qwen2", "qwen3",
        "qwen3_5", "qwen3_next", "recurrent_gemma", "seed_oss", "siglip", "smollm3", "solar_open", "stablelm",
        "starcoder2", "step3", "xglm", "yi",
    )  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_family_has_a_line_about_itself_and_its_members(name: str) -> None:
    assert (registry.load(PACKAGE, name).__doc__ or "").strip()
    assert OF_FILES[name]
    assert all(isinstance(family, Family) and family.model_types for family in OF_FILES[name])


@pytest.mark.parametrize("name", NAMES)
def test_a_family_carries_an_example_or_says_why_it_is_refused(name: str) -> None:
    for family in OF_FILES[name]:
        assert (family.example is None) == bool(family.refusal), f"{family.model_types}: no example"


def test_a_name_belongs_to_one_family() -> None:
    for names in (
        [model_type for family in FAMILIES.values() for model_type in family.model_types],
        [name for _, name in OF_GGUF],
        [tower for _, tower in TOWERS],
    ):
        assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_found_by_each_of_its_names(name: str) -> None:
    family = FAMILIES[name]
    assert all(families.of_config(model_type) is family for model_type in family.model_types)
    assert all(families.of_gguf(each) is known for known in family.gguf for each in known.names)
    assert all(families.tower(name) is tower for name, tower in family.towers.items())


def test_a_name_of_no_family_is_not_found() -> None:
    assert families.of_config("llama9") is None
    assert families.of_gguf("llama9") is None
    assert families.tower("llama9") == Tower()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_is_read_as_published(name: str) -> None:
    example: Example = EXAMPLES[name]
    assert example.source
    if example.refusal:
        with pytest.raises(DataError, match=example.refusal):
            config.architecture(example.config, "config.json")
        return
    found = config.architecture(example.config, "config.json")
    assert found.model_type in FAMILIES[name].model_types
    assert found.layers == example.layers
    assert (found.estimated, found.assumed) == (False, ())
    assert found.parameters.active <= found.parameters.total
    if example.parameters is not None:
        away = abs(found.parameters.total - example.parameters)
        # config.json does not give the shapes of what joins an encoder to the decoder
        assert away <= (0.0025 * example.parameters if found.parameters.vision else 0)


@pytest.mark.parametrize("model_type", REFUSED)
def test_what_is_refused_is_one_line(model_type: str) -> None:
    with pytest.raises(DataError) as raised:
        config.architecture({**PLAIN, "model_type": model_type}, "config.json")
    reasons = [f"config.json: '{model_type}' {reason}" for reason in REASONS]
    assert str(raised.value).startswith(tuple(reasons))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("tower", [tower for _, tower in TOWERS])
def test_an_encoder_is_counted_by_its_classs_defaults(tower: str) -> None:
    alone = config.architecture({**PLAIN, "model_type": "llama"}, "config.json")
    beside = {**PLAIN, "model_type": "llama", "vision_config": {"model_type": tower}}
    found = config.architecture(beside, "config.json")
    assert found.parameters.vision > 0
    assert found.parameters.active == alone.parameters.active
    assert not any("has no shapes" in note for note in found.notes)


@pytest.mark.parametrize(("known", "name"), OF_GGUF, ids=[name for _, name in OF_GGUF])
def test_a_gguf_file_of_the_family_is_read_or_refused(tmp_path: Path, known: GgufArchitecture, name: str) -> None:
    values, tensors = writer.llama(layers=3)
    values = {key.replace("llama.", f"{name}."): value for key, value in values.items()}
    path = writer.write(tmp_path / "model.gguf", {**values, "general.architecture": name}, tensors)
    if known.refusal:
        with pytest.raises(DataError, match=f"'{name}' is "):
            gguf.read(str(path))
        return
    found = gguf.read(str(path))
    assert (found.model_type, found.layers, found.estimated, found.assumed) == (name, 3, False, ())


DEFAULTS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "class_defaults.json").read_text())
"""The defaults of transformers 5.24.0's classes for families that are one row, and how many weights they have."""


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_family_of_one_row_has_the_weights_of_its_class(name: str) -> None:
    found = config.architecture(DEFAULTS[name]["config"], "config.json")
    assert found.assumed == ()
    assert found.parameters.total == pytest.approx(DEFAULTS[name]["count"], rel=0.0012)


def test_every_family_of_one_row_that_is_read_is_tested() -> None:
    rows = [each for family in _rows.FAMILIES if not family.refusal for each in family.model_types]
    assert sorted(rows) == sorted(DEFAULTS)


# --- a family that is added ---

ROOT = Path(__file__).resolve().parents[2]
NEEDED = (
    "tests/__init__.py", "tests/contract/__init__.py", "tests/contract/test_families.py", "tests/unit/__init__.py",
    "tests/unit/checkpoint/__init__.py", "tests/unit/checkpoint/gguf_writer.py", "tests/data/class_defaults.json",
)  # fmt: skip
ADDED = '''"""A family that nobody has published."""

from llmcheck.checkpoint.family import Example, Family, GgufArchitecture, Tower

FAMILIES = (
    Family(
        model_types=("zeta",),
        gguf=(GgufArchitecture(names=("zeta2",)),),
        tied=False,
        example={example},
    ),
)
'''
EXAMPLE = 'Example(source="nowhere", config={"model_type": "zeta", **dict.fromkeys(("hidden_size", "vocab_size", \
"intermediate_size"), 64), "num_hidden_layers": 2, "num_attention_heads": 4}, layers=2, parameters=%d)'
WEIGHTS = 2 * 64 * 64 + 2 * (4 * 64 * 64 + 3 * 64 * 64) + 5 * 64
"""Two tables of the vocabulary, two layers of Llama's, and their norms."""


def failures(folder: Path, text: str) -> set[str]:
    """The tests of this file that fail in a copy of the package with one more family."""
    shutil.copytree(ROOT / "llmcheck", folder / "llmcheck", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "llmcheck" / "checkpoint" / "families" / "zeta.py").write_text(text)
    for each in NEEDED:
        (folder / each).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / each, folder / each)
    words = [sys.executable, "-m", "pytest", "-q", "-rf", "-p", "no:cacheprovider", "-p", "no:xdist"]
    words += [NEEDED[2], "-k", "not added"]
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": ""}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    return {line.split("::", 1)[1].split(" - ")[0] for line in lines}


PINNED = "test_the_list_of_families"


def test_an_added_family_is_covered(tmp_path: Path) -> None:
    assert failures(tmp_path, ADDED.format(example=EXAMPLE % WEIGHTS)) == {PINNED}


def test_an_added_family_whose_figures_are_wrong_fails(tmp_path: Path) -> None:
    found = failures(tmp_path, ADDED.format(example=EXAMPLE % (WEIGHTS + 1)))
    assert found == {PINNED, "test_the_example_is_read_as_published[zeta-0]"}


def test_an_added_family_without_an_example_fails(tmp_path: Path) -> None:
    found = failures(tmp_path, ADDED.format(example="None"))
    assert found == {PINNED, "test_a_family_carries_an_example_or_says_why_it_is_refused[zeta]"}
