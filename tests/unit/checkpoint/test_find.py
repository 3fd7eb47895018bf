"""Where a model is found: a folder, a single file, or the Hugging Face cache."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmcheck.checkpoint import find
from llmcheck.errors import DataError
from tests.unit.checkpoint.test_config import LLAMA


def folder(path: Path, **changes: Any) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_text(json.dumps({**LLAMA, **changes}))
    return path


def test_a_folder_with_a_config_is_read(tmp_path: Path) -> None:
    found = find.read(str(folder(tmp_path / "Llama-3.1-8B")))
    assert found.name == "Llama-3.1-8B"
    assert found.parameters.total == 8_030_261_248
    assert find.read(str(tmp_path / "Llama-3.1-8B" / "config.json")) == found


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "no config.json, GGUF or safetensors file"),
        ({"adapter_config.json": "{}"}, "only an adapter"),
        ({"a.gguf": "GGUF", "b.gguf": "GGUF"}, "2 models in one folder"),
        ({"config.json": "[]"}, "config.json"),
    ],
)
def test_the_error_for_a_folder_without_a_model_says_what_is_missing(
    tmp_path: Path, files: dict[str, str], words: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=words):
        find.read(str(tmp_path))


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(b"\x80\x04")
    with pytest.raises(DataError, match="pickle"):
        find.read(str(path))


def test_the_cache_is_searched_by_repository(tmp_path: Path) -> None:
    base = tmp_path / "models--acme--tiny"
    folder(base / "snapshots" / "aaaa")
    folder(base / "snapshots" / "bbbb", num_hidden_layers=16)
    (base / "refs").mkdir()
    (base / "refs" / "main").write_text("bbbb")
    found = find.cached("acme/tiny", str(tmp_path))
    assert found is not None
    assert found.layers == 16
    assert found.name == "acme/tiny"
    assert find.cached("acme/other", str(tmp_path)) is None
    for name in ("../../etc", "acme/../x", "a/b/c", "", "acme/tiny\n"):
        assert find.cached(name, str(tmp_path)) is None


def test_a_reference_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    base = tmp_path / "models--acme--tiny"
    folder(base / "snapshots" / "aaaa")
    (base / "refs").mkdir()
    (base / "refs" / "main").write_text("../../../../etc")
    found = find.cached("acme/tiny", str(tmp_path))
    assert found is not None
    assert found.source.endswith("revision aaaa")
