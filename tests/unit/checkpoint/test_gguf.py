"""GGUF headers: exact bytes and shapes of real layouts, incomplete files, and false headers."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmcheck.checkpoint import find, gguf
from llmcheck.errors import DataError
from llmcheck.fit.shapes import kv_cache, weights
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.workload import Workload
from tests.unit.checkpoint import gguf_writer as writer
from tests.unit.checkpoint.gguf_writer import F32, MXFP4, Q4_K, Tensor


def made(path: Path, **shape: Any) -> Path:
    return writer.write(path / "tiny.gguf", *writer.llama(**shape))


def test_the_bytes_of_a_dense_model_are_exact(tmp_path: Path) -> None:
    values, tensors = writer.llama()
    path = writer.write(tmp_path / "tiny.gguf", values, tensors)
    found = gguf.read(str(path))
    assert (found.hidden, found.layers, found.vocab, found.intermediate, found.context) == (512, 4, 1000, 1024, 4096)
    assert found.name == "Tiny"
    assert found.dtype == "q4_k_m"
    assert found.gated
    assert not found.tied
    (group,) = found.attention
    assert (group.layers, group.heads, group.kv_heads, group.head_dim) == (4, 8, 2, 64)
    assert sum(each.bytes for each in found.tensors or ()) == sum(tensor.size for tensor in tensors)
    stored = weights.of(found, Workload(method="inference"))
    assert stored.exact
    assert stored.total == sum(tensor.size for tensor in tensors)
    assert stored.embedding == 512 * 1000 // 256 * 144
    assert stored.head == 512 * 1000 // 256 * 210
    assert found.file_size == path.stat().st_size
    assert found.parameters.total == sum(
        tensor.size // writer.BLOCKS[tensor.kind][1] * writer.BLOCKS[tensor.kind][0] for tensor in tensors
    )


def test_another_format_is_computed_from_the_shapes(tmp_path: Path) -> None:
    found = gguf.read(str(made(tmp_path)))
    exact = weights.of(found, Workload(method="inference"))
    wider = weights.of(found, Workload(method="inference", weights="bf16"))
    assert not wider.exact
    assert wider.total == 2 * found.parameters.total
    assert wider.total > exact.total


def test_the_vocabulary_is_skipped(tmp_path: Path) -> None:
    plain = gguf.read(str(made(tmp_path, vocab=70_000, tied=True)))
    found = gguf.read(str(made(tmp_path, vocab=70_000, tied=True, tokens=True)))
    assert found.vocab == 70_000
    assert found.tied
    assert found.tensors == plain.tensors


def moe(experts: int = 8) -> tuple[dict[str, Any], list[Tensor]]:
    values, tensors = writer.llama(layers=2)
    values |= {"llama.expert_count": experts, "llama.expert_used_count": 2, "llama.expert_feed_forward_length": 256}
    tensors = [tensor for tensor in tensors if "ffn_" not in tensor.name or "norm" in tensor.name]
    for layer in range(2):
        prefix = f"blk.{layer}.ffn_"
        tensors += [
            Tensor(prefix + "gate_inp.weight", (512, experts)),
            *(Tensor(f"{prefix}{name}_exps.weight", (512, 256, experts), MXFP4) for name in ("gate", "up")),
            Tensor(prefix + "down_exps.weight", (256, 512, experts), MXFP4),
        ]
    return values, tensors


def test_all_experts_count_in_the_total_and_few_are_active(tmp_path: Path) -> None:
    found = gguf.read(str(writer.write(tmp_path / "moe.gguf", *moe())))
    assert (found.experts, found.experts_active, found.sparse_layers, found.expert_intermediate) == (8, 2, 2, 256)
    assert found.parameters.experts == 2 * 3 * 8 * 512 * 256
    assert found.parameters.total - found.parameters.active == found.parameters.experts * 6 // 8
    assert sum(each.bytes for each in found.tensors or () if each.part == "experts") == 2 * 3 * 8 * 512 * 256 * 17 // 32


def test_compressed_caches_windows_and_states_are_distinguished(tmp_path: Path) -> None:
    values, tensors = writer.llama(layers=6)
    values = {key.replace("llama.", "deepseek2."): value for key, value in values.items()}
    values |= {"general.architecture": "deepseek2", "deepseek2.attention.kv_lora_rank": 512,
               "deepseek2.rope.dimension_count": 64}  # fmt: skip
    latent = gguf.read(str(writer.write(tmp_path / "mla.gguf", values, tensors)))
    assert [(group.kind, group.layers, group.latent) for group in latent.attention] == [("mla", 6, 576)]

    values, tensors = writer.llama(layers=12)
    values = {key.replace("llama.", "gemma3."): value for key, value in values.items()}
    values |= {"general.architecture": "gemma3", "gemma3.attention.sliding_window": 1024}
    windows = gguf.read(str(writer.write(tmp_path / "gemma.gguf", values, tensors)))
    assert {(group.window, group.layers) for group in windows.attention} == {(1024, 10), (None, 2)}

    values, tensors = writer.llama(layers=4)
    values = {key.replace("llama.", "granitehybrid."): value for key, value in values.items()}
    values |= {"general.architecture": "granitehybrid", "granitehybrid.attention.head_count_kv": [0, 0, 0, 2],
               "granitehybrid.ssm.conv_kernel": 4, "granitehybrid.ssm.inner_size": 1024,
               "granitehybrid.ssm.state_size": 128, "granitehybrid.ssm.group_count": 1}  # fmt: skip
    hybrid = gguf.read(str(writer.write(tmp_path / "hybrid.gguf", values, tensors)))
    state = 3 * (1024 + 2 * 128) + 1024 * 128
    assert {(group.kind, group.layers, group.state) for group in hybrid.attention} == {
        ("state", 3, state),
        ("attention", 1, 0),
    }
    assert kv_cache.size(hybrid, 10, 1) == (2 * 2 * 64 * 10 + 3 * state) * 2


def test_parts_are_read_together(tmp_path: Path) -> None:
    values, tensors = writer.llama()
    first = writer.write(tmp_path / "big-00001-of-00002.gguf", values | {"split.count": 2, "split.no": 0}, tensors[:10])
    second = writer.write(tmp_path / "big-00002-of-00002.gguf", {"split.count": 2, "split.no": 1}, tensors[10:])
    found = gguf.read(str(second))
    assert found.file_size == first.stat().st_size + second.stat().st_size
    assert sum(each.bytes for each in found.tensors or ()) == sum(tensor.size for tensor in tensors)
    assert find.read(str(tmp_path)) == gguf.read(str(first))
    second.unlink()
    with pytest.raises(DataError, match=r"big-00002-of-00002\.gguf is missing"):
        gguf.read(str(first))


def test_only_the_header_of_a_huge_file_is_read(tmp_path: Path) -> None:
    values, tensors = writer.llama(vocab=50_000, tokens=True)
    tensors.append(Tensor("blk.0.ffn_big.weight", (2**20, 2**16), F32))  # 256 GiB of sparse file
    path = writer.write(tmp_path / "huge.gguf", values, tensors)
    assert path.stat().st_size > 256 * 2**30
    tracemalloc.start()
    gguf.read(str(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * 2**20


# --- what is refused ---

HEAD = b"GGUF" + struct.pack("<I", 3)


def patched(edit: Callable[[bytearray], None]) -> bytes:
    data = bytearray(writer.header(*writer.llama()))
    edit(data)
    return bytes(data)


def at(position: int, form: str, number: int) -> Callable[[bytearray], None]:
    return lambda data: struct.pack_into(form, data, position, number)


def key(name: str, kind: int, rest: bytes) -> bytes:
    return HEAD + struct.pack("<QQ", 0, 1) + writer.text(name) + struct.pack("<I", kind) + rest + bytes(64)


BAD = {
    "empty": (b"", "incomplete"),
    "four bytes": (b"GGUF", "incomplete"),
    "another file": (b"PK\x03\x04" + bytes(100), "does not begin with 'GGUF'"),
    "version 1": (b"GGUF" + struct.pack("<I", 1) + bytes(100), "version 1"),
    "big-endian": (b"GGUF" + struct.pack(">I", 3) + bytes(100), "big-endian"),
    "too many tensors": (patched(at(8, "<Q", 2**63)), "more than any model has"),
    "too many keys": (patched(at(16, "<Q", 2**63)), "more than any model has"),
    "more tensors than bytes": (patched(at(8, "<Q", 1_000_000)), "incomplete"),
    "a key that is too long": (patched(at(24, "<Q", 2**62)), "bytes long"),
    "a value of an unknown type": (key("a", 77, b""), "unknown type 77"),
    "nested lists": (key("a", 9, struct.pack("<IQ", 9, 1)), "has lists"),
    "a list that is too long": (key("a", 9, struct.pack("<IQ", 4, 2**61)), "incomplete"),
    "too many strings": (key("a", 9, struct.pack("<IQ", 8, 2**62)), "strings"),
    "a string beyond the end": (key("a", 9, struct.pack("<IQQ", 8, 1, 2**63 - 1)), "incomplete"),
    "a key twice": (
        HEAD + struct.pack("<QQ", 0, 2) + (writer.text("a") + writer.value(1)) * 2 + bytes(64), "occurs twice"
    ),
    "no tensors": (HEAD + struct.pack("<QQ", 0, 0) + bytes(64), "no tensors"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_false_header_gives_an_error_of_one_line(tmp_path: Path, name: str) -> None:
    data, words = BAD[name]
    path = tmp_path / "bad.gguf"
    path.write_bytes(data)
    with pytest.raises(DataError) as raised:
        gguf.read(str(path))
    line = str(raised.value)
    assert words in line
    assert line.startswith(str(path))
    assert "\n" not in line


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (Tensor("x", (2**40, 2**40)), "claims to have"),
        (Tensor("x", (0, 5)), "claims to have"),
        (Tensor("x", (1, 1, 1, 1, 1)), "5 dimensions"),
        (Tensor("x", (100, 2), Q4_K), "cannot be cut into blocks"),
    ],
)
def test_an_impossible_tensor_gives_an_error_of_one_line(tmp_path: Path, tensor: Tensor, words: str) -> None:
    values, tensors = writer.llama()
    path = tmp_path / "bad.gguf"
    path.write_bytes(writer.header(values, [*tensors, tensor]) + bytes(1000))
    with pytest.raises(DataError, match=words):
        gguf.read(str(path))


def test_an_unknown_type_of_tensor_is_named(tmp_path: Path) -> None:
    values, _ = writer.llama()
    data = writer.header(values, [Tensor("new", (4,))])
    path = tmp_path / "new.gguf"
    path.write_bytes(data[:-12] + struct.pack("<IQ", 99, 0) + bytes(100))
    with pytest.raises(DataError, match="'new' has the unknown type 99"):
        gguf.read(str(path))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"general.architecture": "clip"}, "vision projector"),
        ({"llama.attention.head_count": 2**31}, "expected at most"),
        ({"llama.attention.head_count_kv": 99}, "99 key-value heads for 8"),
        ({"llama.attention.head_count_kv": [1, 2]}, "each of 4 layers"),
        ({"llama.block_count": 10**6}, "expected at most 10,000"),
        ({"general.alignment": 2**31}, "alignment"),
    ],
)
def test_metadata_out_of_bounds_gives_an_error_of_one_line(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    values, tensors = writer.llama()
    path = writer.write(tmp_path / "bad.gguf", values | changes, tensors)
    with pytest.raises(DataError, match=words):
        gguf.read(str(path))


def test_a_file_that_is_cut_off_anywhere_is_incomplete(tmp_path: Path) -> None:
    path = made(tmp_path)
    data = path.read_bytes()
    for size in (*range(0, 900, 7), len(data) // 2, len(data) - 40):
        path.write_bytes(data[:size])
        with pytest.raises(DataError, match=r"incomplete|missing"):
            gguf.read(str(path))


DATA = writer.header(*moe())


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_headers_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    damaged = bytearray(DATA)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged) - 9))
        kind = data.draw(st.sampled_from(["flip", "huge", "cut", "insert"]))
        if kind == "flip":
            damaged[place] ^= data.draw(st.integers(1, 255))
        elif kind == "huge":
            huge = data.draw(st.sampled_from([2**63, 2**64 - 1, 2**32, 2**31, 0]))
            struct.pack_into("<Q", damaged, place, huge)
        elif kind == "cut":
            del damaged[place : place + data.draw(st.integers(1, 64))]
        else:
            damaged[place:place] = data.draw(st.binary(max_size=16))
        if len(damaged) < 20:
            break
    path = tmp_path / "fuzz.gguf"
    with path.open("wb") as file:
        file.write(damaged)
        file.truncate(len(damaged) + 8 * 2**20)
    tracemalloc.start()
    try:
        assert isinstance(gguf.read(str(path)), Architecture)
    except DataError as error:
        assert "\n" not in str(error)  # noqa: PT017 - it may also be read
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 64 * 2**20
