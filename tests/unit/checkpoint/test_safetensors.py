"""safetensors headers: exact bytes, shards and their index, shapes from the tensors alone, and false headers."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmcheck.checkpoint import find, safetensors
from llmcheck.errors import DataError
from llmcheck.fit.shapes import weights
from llmcheck.schema.workload import Workload

SIZES = {"I32": 4, "BF16": 2, "F32": 4, "F8_E4M3": 1}
CONFIG = {
    "model_type": "llama", "hidden_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "intermediate_size": 512, "vocab_size": 1000, "torch_dtype": "bfloat16",
}  # fmt: skip


def llama(layers: int = 2, hidden: int = 256, kv: int = 128, inner: int = 512, vocab: int = 1000) -> dict[str, Any]:
    shapes: dict[str, list[int]] = {
        "model.embed_tokens.weight": [vocab, hidden], "lm_head.weight": [vocab, hidden], "model.norm.weight": [hidden],
    }  # fmt: skip
    for layer in range(layers):
        prefix = f"model.layers.{layer}."
        shapes |= {
            prefix + "self_attn.q_proj.weight": [hidden, hidden], prefix + "self_attn.k_proj.weight": [kv, hidden],
            prefix + "self_attn.v_proj.weight": [kv, hidden], prefix + "self_attn.o_proj.weight": [hidden, hidden],
            prefix + "mlp.gate_proj.weight": [inner, hidden], prefix + "mlp.up_proj.weight": [inner, hidden],
            prefix + "mlp.down_proj.weight": [hidden, inner], prefix + "input_layernorm.weight": [hidden],
        }  # fmt: skip
    return shapes


def entries(shapes: dict[str, Any], dtype: str = "BF16") -> dict[str, Any]:
    found, offset = {}, 0
    for name, shape in shapes.items():
        size = SIZES[dtype]
        for each in shape:
            size *= each
        found[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    return found


def write(path: Path, header: dict[str, Any]) -> Path:
    data = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    end = max((each["data_offsets"][1] for each in header.values()), default=0)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(data)) + data)
        file.truncate(8 + len(data) + end)
    return path


def total(shapes: dict[str, Any]) -> int:
    return sum(each["data_offsets"][1] - each["data_offsets"][0] for each in entries(shapes).values())


def test_a_folder_has_exact_bytes_and_the_shapes_of_its_config(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    write(tmp_path / "model.safetensors", entries(llama()))
    found = find.read(str(tmp_path))
    stored = weights.of(found, Workload(method="inference"))
    assert stored.exact
    assert stored.total == total(llama())
    assert stored.embedding == stored.head == 1000 * 256 * 2
    assert not found.estimated
    assert find.read(str(tmp_path / "model.safetensors")) == found


def test_shards_are_added_up(tmp_path: Path) -> None:
    shapes = llama()
    names = list(shapes)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    parts = {"model-00001-of-00002.safetensors": names[:7], "model-00002-of-00002.safetensors": names[7:]}
    for part, members in parts.items():
        write(tmp_path / part, entries({name: shapes[name] for name in members}))
    index = {
        "metadata": {"total_size": total(shapes)},
        "weight_map": {n: p for p, members in parts.items() for n in members},
    }
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    found = find.read(str(tmp_path))
    assert sum(each.bytes for each in found.tensors or ()) == total(shapes)
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    without = find.read(str(tmp_path))
    assert without.tensors is None
    assert any("1 of 2 weight files are missing" in note for note in without.notes)


def test_shapes_are_read_from_the_tensors_where_there_is_no_config(tmp_path: Path) -> None:
    path = write(tmp_path / "model.safetensors", entries(llama(hidden=2048, kv=1024, inner=4096)))
    found = find.read(str(path))
    assert found.estimated
    assert (found.hidden, found.layers, found.intermediate, found.vocab) == (2048, 2, 4096, 1000)
    assert (found.attention[0].heads, found.attention[0].kv_heads, found.attention[0].head_dim) == (16, 8, 128)
    assert any("read from the tensors alone" in note for note in found.notes)
    assert found.parameters.total * 2 == total(llama(hidden=2048, kv=1024, inner=4096))


def test_tensors_without_known_names_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "lora.safetensors", entries({"base.layers.0.lora_A.weight": [8, 256]}))
    with pytest.raises(DataError, match="do not show the shapes"):
        find.read(str(path))


def raw(header: bytes, length: int | None = None, rest: int = 64) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + bytes(rest)


def one(**changes: Any) -> bytes:
    entry = {"dtype": "BF16", "shape": [4, 8], "data_offsets": [0, 64], **changes}
    return raw(json.dumps({"a": entry}).encode())


BAD = {
    "empty": (b"", "incomplete"),
    "a false length": (raw(b"{}", 2**63), "not a safetensors file"),
    "a length beyond the end": (raw(b"{}", 10_000), "bytes of its header are missing"),
    "no JSON": (raw(b"hello"), "not a complete JSON document"),
    "deep JSON": (raw(b'{"a":' * 50_000), "not a complete JSON document"),
    "a list": (raw(b"[1]"), "expected"),
    "an unknown type": (one(dtype="Q9"), "unknown type 'Q9'"),
    "a negative size": (one(shape=[-4, 8]), "shape"),
    "a size that overflows": (one(shape=[2**62, 2**62]), "shape"),
    "a byte range of another size": (one(data_offsets=[0, 63]), "does not match its shape"),
    "a byte range that ends before it begins": (one(data_offsets=[64, 0]), "does not match its shape"),
    "data that is not here": (one(shape=[400, 8], data_offsets=[0, 6400]), "bytes of its tensors are missing"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_false_header_gives_an_error_of_one_line(tmp_path: Path, name: str) -> None:
    data, words = BAD[name]
    path = tmp_path / "bad.safetensors"
    path.write_bytes(data)
    with pytest.raises(DataError) as raised:
        find.read(str(path))
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "name", ["../secret.safetensors", "/etc/passwd", "a/b.safetensors", "model.bin", "..safetensors"]
)
def test_an_index_may_only_name_files_in_its_folder(tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(DataError, match="not the name of a safetensors file"):
        safetensors.read_tensors(str(path))


HEADER = json.dumps(entries(llama(layers=1, hidden=64, kv=32, inner=64, vocab=100))).encode()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_headers_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    damaged = bytearray(struct.pack("<Q", len(HEADER)) + HEADER)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        if data.draw(st.booleans()):
            damaged[place] ^= data.draw(st.integers(1, 255))
        else:
            damaged[place:place] = data.draw(st.sampled_from([b"9" * 30, b"-", b"[", b'"', b"null", b"1e400"]))
    path = tmp_path / "fuzz.safetensors"
    with path.open("wb") as file:
        file.write(damaged)
        file.truncate(len(damaged) + 2**20)
    try:
        find.read(str(path))
    except DataError as error:
        assert "\n" not in str(error)  # noqa: PT017 - it may also be read
