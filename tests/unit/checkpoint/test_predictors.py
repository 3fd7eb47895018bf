"""Layers that predict further tokens: in the files, and not among the weights that are loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmcheck.checkpoint import find
from llmcheck.fit.shapes import weights
from llmcheck.schema.workload import Workload
from tests.unit.checkpoint import gguf_writer as writer
from tests.unit.checkpoint.test_safetensors import CONFIG, entries, llama, total
from tests.unit.checkpoint.test_safetensors import write as written

USE = Workload(method="inference")


@pytest.mark.parametrize(
    ("config", "rename"),
    [
        ({"num_nextn_predict_layers": 1}, ""),  # DeepSeek and GLM: one more layer than the model has
        ({"mtp_num_hidden_layers": 1}, "mtp.layers.0."),  # Qwen 3.5
    ],
)
def test_tensors_of_safetensors_files(tmp_path: Path, config: dict[str, int], rename: str) -> None:
    shapes = llama(layers=3)
    if rename:
        shapes = {name.replace("model.layers.2.", rename): shape for name, shape in shapes.items()}
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG, **config}))
    written(tmp_path / "model.safetensors", entries(shapes))
    found = find.read(str(tmp_path))
    assert (found.layers, found.predictor > 0) == (2, True)
    assert weights.of(found, USE).exact
    assert weights.of(found, USE).total == total(llama(layers=2))
    beside = [each for each in found.tensors or () if each.part == "predictor"]
    assert sum(each.bytes for each in beside) == total(shapes) - total(llama(layers=2))


def test_tensors_of_a_gguf_file(tmp_path: Path) -> None:
    plain = find.read(str(writer.write(tmp_path / "plain.gguf", *writer.llama(layers=4))))
    values, tensors = writer.llama(layers=5)
    path = writer.write(tmp_path / "more.gguf", {**values, "llama.nextn_predict_layers": 1}, tensors)
    found = find.read(str(path))
    assert (found.layers, found.attention, found.parameters) == (4, plain.attention, plain.parameters)
    assert weights.of(found, USE).total == weights.of(plain, USE).total
    assert found.predictor > 0


def test_a_layer_too_many_is_part_of_a_model_that_names_no_predictor(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    written(tmp_path / "model.safetensors", entries(llama(layers=3)))
    assert weights.of(find.read(str(tmp_path)), USE).total == total(llama(layers=3))
