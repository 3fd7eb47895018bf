"""Unusual files: several parts, duplicates, sparse files, layers without a cache or with that of another layer."""

from __future__ import annotations

import json
import re
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from llmcheck.checkpoint import find, gguf, safetensors
from llmcheck.errors import DataError
from llmcheck.fit.shapes import kv_cache
from tests.unit.checkpoint import gguf_writer as writer
from tests.unit.checkpoint.gguf_writer import F32, Tensor
from tests.unit.checkpoint.test_safetensors import CONFIG, entries, llama, raw
from tests.unit.checkpoint.test_safetensors import write as written


def family(name: str, more: dict[str, Any], layers: int = 4) -> tuple[dict[str, Any], list[Tensor]]:
    """The tiny Llama with the name of another family."""
    values, tensors = writer.llama(layers=layers)
    renamed = {key.replace("llama.", f"{name}."): item for key, item in values.items()}
    more = {f"{name}.{key}": item for key, item in more.items()}
    return renamed | {"general.architecture": name} | more, tensors


@pytest.mark.parametrize(
    ("name", "period"),
    [("gemma2", 2), ("gemma3", 6), ("gemma3n", 5), ("gpt-oss", 2), ("cohere2", 4), ("exaone4", 4), ("olmo2", 4)],
)
def test_windows_of_families(tmp_path: Path, name: str, period: int) -> None:
    path = writer.write(tmp_path / "m.gguf", *family(name, {"attention.sliding_window": 512}, 2 * period + 1))
    found = gguf.read(str(path))
    assert {group.window: group.layers for group in found.attention} == {512: 2 * period - 1, None: 2}
    assert not found.notes


def test_a_window_of_an_unknown_family_is_noted(tmp_path: Path) -> None:
    path = writer.write(tmp_path / "m.gguf", *family("someday", {"attention.sliding_window": 512}))
    assert any("512 tokens" in note for note in gguf.read(str(path)).notes)


def test_layers_that_share_a_cache_and_windows_with_heads_of_their_own(tmp_path: Path) -> None:
    more = {
        "attention.sliding_window": 512, "attention.sliding_window_pattern": [True, True, True, False] * 2,
        "attention.key_length": 128, "attention.key_length_swa": 64, "attention.value_length": 128,
        "attention.value_length_swa": 64, "attention.shared_kv_layers": 4,
    }  # fmt: skip
    found = gguf.read(str(writer.write(tmp_path / "m.gguf", *family("gemma4", more, 8))))
    groups = {(each.window, each.layers, each.head_dim, each.shares_cache) for each in found.attention}
    assert groups == {(512, 6, 64, 3), (None, 2, 128, 1)}


def test_a_layer_that_is_only_feed_forward_has_no_state(tmp_path: Path) -> None:
    more = {"attention.head_count_kv": [0, 0, 0, 2], "ssm.conv_kernel": 4, "ssm.inner_size": 1024,
            "ssm.state_size": 128, "ssm.group_count": 1}  # fmt: skip
    values, tensors = family("nemotron_h", more)
    tensors = [tensor for tensor in tensors if not re.match(r"blk\.[012]\.attn_[qkvo]", tensor.name)]
    tensors.append(Tensor("blk.0.ssm_conv1d.weight", (4, 1280), F32))
    found = gguf.read(str(writer.write(tmp_path / "m.gguf", values, tensors)))
    state = 3 * 1280 + 1024 * 128
    assert {(each.kind, each.layers, each.state) for each in found.attention} == {
        ("state", 1, state), ("state", 2, 0), ("attention", 1, 0),
    }  # fmt: skip


def test_a_renamed_part_is_not_read_as_a_whole_model(tmp_path: Path) -> None:
    values, tensors = writer.llama()
    path = writer.write(tmp_path / "renamed.gguf", values | {"split.count": 3, "split.no": 0}, tensors[::3])
    with pytest.raises(DataError, match="one of 3 parts"):
        gguf.read(str(path))


def test_a_tensor_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    values, tensors = writer.llama()
    with pytest.raises(DataError, match=r"'output_norm\.weight' occurs twice"):
        gguf.read(str(writer.write(tmp_path / "m.gguf", values, [*tensors, tensors[1]])))
    writer.write(tmp_path / "m-00001-of-00002.gguf", values, tensors)
    path = writer.write(tmp_path / "m-00002-of-00002.gguf", {}, tensors[1:2])
    with pytest.raises(DataError, match="in two parts"):
        gguf.read(str(path))


def hole(path: Path, keys: int, kind: str) -> Path:
    """A header of hundreds of MiB that takes no disk: long strings, long lists, or tensors without a name."""
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, 0 if keys else 1_000_000, keys))
        for number in range(keys):
            file.write(writer.text(f"k{number}"))
            file.write(struct.pack("<IQ", 8, 2**20) if kind == "strings" else struct.pack("<IIQ", 9, 0, 65_536))
            file.seek(2**20 if kind == "strings" else 65_536, 1)
        file.truncate(file.tell() + 25_000_000)
    return path


@pytest.mark.parametrize(("keys", "kind"), [(300, "strings"), (300, "lists"), (0, "tensors")])
def test_a_sparse_header_takes_little_memory(tmp_path: Path, keys: int, kind: str) -> None:
    path = hole(tmp_path / "hole.gguf", keys, kind)
    tracemalloc.start()
    try:
        with pytest.raises(DataError):
            gguf.read(str(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * 2**20


@pytest.mark.parametrize(("name", "known"), [("llama", True), ("gpt-oss", True), ("newarch", False)])
def test_an_unknown_architecture_is_noted(tmp_path: Path, name: str, known: bool) -> None:
    found = gguf.read(str(writer.write(tmp_path / "m.gguf", *family(name, {}))))
    assert found.estimated is not known
    assert any(f"'{name}' is not known to llmcheck" in note for note in found.notes) is not known


@pytest.mark.parametrize(
    ("name", "reason"),
    [("t5encoder", "no decoder"), ("dream", "a model that writes by diffusion, which is not")],
)
def test_a_gguf_file_that_is_not_a_decoder_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(DataError, match=f"'{name}' is {reason}"):
        gguf.read(str(writer.write(tmp_path / "m.gguf", *family(name, {}))))


@pytest.mark.parametrize("name", ["bert", "nomic-bert", "modern-bert"])
def test_a_gguf_file_of_an_encoder_has_weights_and_no_cache(tmp_path: Path, name: str) -> None:
    found = gguf.read(str(writer.write(tmp_path / "m.gguf", *family(name, {}))))
    assert found.encoder
    assert found.parameters.total > 0
    assert kv_cache.size(found, 100_000, 4) == 0
    assert any("no KV cache" in note for note in found.notes)


# --- folders ---


def test_a_repository_with_only_a_gguf_file_is_found_in_the_cache(tmp_path: Path) -> None:
    snapshot = tmp_path / "models--acme--tiny-GGUF" / "snapshots" / "aaaa"
    snapshot.mkdir(parents=True)
    assert find.cached("acme/tiny-GGUF", str(tmp_path)) is None
    writer.write(snapshot / "tiny-Q4_K_M.gguf", *writer.llama())
    found = find.cached("acme/tiny-GGUF", str(tmp_path))
    assert found is not None
    assert (found.name, found.dtype) == ("acme/tiny-GGUF", "q4_k_m")
    writer.write(snapshot / "tiny-Q8_0.gguf", *writer.llama())
    with pytest.raises(DataError, match="2 models in one folder"):
        find.cached("acme/tiny-GGUF", str(tmp_path))


@pytest.mark.parametrize("indexed", [True, False])
def test_shards_without_a_config_are_read_as_one_model(tmp_path: Path, indexed: bool) -> None:
    names = list(llama())
    files = {"model-00001-of-00002.safetensors": names[:7], "model-00002-of-00002.safetensors": names[7:]}
    for file, stored in files.items():
        written(tmp_path / file, entries({name: llama()[name] for name in stored}))
    if indexed:
        places = {name: file for file, stored in files.items() for name in stored}
        (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    found = find.read(str(tmp_path))
    assert found.estimated
    assert (found.layers, found.hidden) == (2, 256)


def test_safetensors_files_that_are_not_shards_are_several_models(tmp_path: Path) -> None:
    for name in ("a.safetensors", "b.safetensors"):
        written(tmp_path / name, entries(llama()))
    with pytest.raises(DataError, match="2 safetensors files"):
        find.read(str(tmp_path))


def test_tensors_are_used_where_the_config_is_of_another_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    shapes = llama(layers=8, hidden=512, kv=256, inner=1024, vocab=4000)
    path = written(tmp_path / "model.safetensors", entries(shapes))
    for place in (tmp_path, path):
        found = find.read(str(place))
        assert (found.layers, found.hidden, found.estimated) == (8, 512, True)
        assert any("the tensors are used" in note for note in found.notes)
    written(path, entries({"strange.weight": [4096, 4096]}))
    with pytest.raises(DataError, match="belongs to another model"):
        find.read(str(path))


def test_quantised_weights_do_not_contradict_a_config(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    packed = {name: [shape[0], shape[1] // 8] if len(shape) == 2 else shape for name, shape in llama().items()}
    written(tmp_path / "model.safetensors", entries(packed, "I32"))
    assert not find.read(str(tmp_path)).estimated


# --- safetensors ---


def test_one_shard_is_never_read_as_the_whole_model(tmp_path: Path) -> None:
    names = list(llama())
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    first = written(tmp_path / "model-00001-of-00002.safetensors", entries({name: llama()[name] for name in names[:7]}))
    alone = find.read(str(first))
    assert alone.tensors is None
    assert any("are missing" in note for note in alone.notes)
    written(tmp_path / "model-00002-of-00002.safetensors", entries({name: llama()[name] for name in names[7:]}))
    assert sum(each.elements for each in find.read(str(first)).tensors or ()) == alone.parameters.total - 256 * 2


@pytest.mark.parametrize("total_size", [1.5e10, 15_000_000_000])
def test_a_total_size_may_be_a_decimal_number(tmp_path: Path, total_size: float) -> None:
    path = tmp_path / "m.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {"total_size": total_size}, "weight_map": {"a": "a.safetensors"}}))
    assert safetensors.read_tensors(str(path)).file_size == 15_000_000_000


@pytest.mark.parametrize("total_size", [-5, 0, 10**30])
def test_an_impossible_total_size_is_refused(tmp_path: Path, total_size: int) -> None:
    path = tmp_path / "m.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {"total_size": total_size}, "weight_map": {"a": "a.safetensors"}}))
    with pytest.raises(DataError, match="total_size"):
        safetensors.read_tensors(str(path))


ENTRY = b'{"dtype":"BF16","shape":[4,8],"data_offsets":[%b,%b]}'


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b'{"a":%b,"a":%b}' % (ENTRY % (b"0", b"64"), ENTRY % (b"0", b"64")), "twice"),
        (b'{"a":%b,"b":%b}' % (ENTRY % (b"0", b"64"), ENTRY % (b"32", b"96")), "the same bytes"),
        (b'{"a":%b}' % (ENTRY % (b"-" + b"9" * 4000, b"9" * 4000)), "does not match"),
    ],
    ids=["twice", "overlap", "digits"],
)
def test_impossible_byte_ranges_are_refused(tmp_path: Path, header: bytes, words: str) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(raw(header, rest=200))
    with pytest.raises(DataError, match=words) as raised:
        safetensors.read_tensors(str(path))
    assert len(str(raised.value)) < 500


def test_missing_layers_are_refused(tmp_path: Path) -> None:
    shapes = llama() | {"model.layers.7.input_layernorm.weight": [256]}
    with pytest.raises(DataError, match="not all of its layers"):
        find.read(str(written(tmp_path / "m.safetensors", entries(shapes))))


def test_the_size_of_a_head_is_known_from_its_norm(tmp_path: Path) -> None:
    shapes = llama() | {"model.layers.0.self_attn.q_norm.weight": [32]}
    (group,) = find.read(str(written(tmp_path / "m.safetensors", entries(shapes)))).attention
    assert (group.heads, group.kv_heads, group.head_dim) == (8, 4, 32)


def test_heads_of_an_unusual_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no usual size"):
        find.read(str(written(tmp_path / "m.safetensors", entries(llama(hidden=1200, kv=240)))))
