"""Downloaded models are listed by name and size; nothing outside a cache is read, and nothing hangs."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from llmcheck.probe import Inspection, Request, model_caches
from llmcheck.probe._caches import MOST_ENTRIES
from llmcheck.schema.machine import CachedModel, ModelCache, Problem
from llmcheck.system.host import Host

HUB = "home/ada/.cache/huggingface/hub"
REVISION = "a" * 40


def caches(root: Path, **environ: str) -> dict[str, ModelCache]:
    last = list(model_caches.probe(Host(str(root), {"HOME": "/home/ada", **environ}), Request()))[-1]
    return {each.program: each for each in last.model_caches or ()}


def problems(root: Path, **environ: str) -> tuple[Problem, ...]:
    return list(model_caches.probe(Host(str(root), {"HOME": "/home/ada", **environ}), Request()))[-1].problems


def listed(root: Path, program: str = "huggingface", **environ: str) -> list[tuple[str, str | None, int]]:
    found = caches(root, **environ)[program].models
    assert found is not None
    return [(each.repository, each.format, each.bytes) for each in found]


def blob(root: Path, repository: str, name: str, size: int, *, revision: str = REVISION, hub: str = HUB) -> Path:
    """A file of a snapshot, as the hub's own library stores it: a link to a blob."""
    folder = root / hub / f"models--{repository.replace('/', '--')}"
    place = folder / "snapshots" / revision / name
    stored = folder / "blobs" / hashlib.sha256(f"{repository}{name}{revision}".encode()).hexdigest()
    for each in (place, stored):
        each.parent.mkdir(parents=True, exist_ok=True)
    with stored.open("wb") as file:
        file.truncate(size)
    place.symlink_to(os.path.relpath(stored, place.parent))
    return place


def ref(root: Path, repository: str, revision: str = REVISION) -> None:
    place = root / HUB / f"models--{repository.replace('/', '--')}" / "refs" / "main"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(revision)


def test_a_cache_that_is_not_there_is_empty_and_not_unknown(tmp_path: Path) -> None:
    found = caches(tmp_path)
    assert {name: each.models for name, each in found.items()} == {"huggingface": (), "ollama": (), "llama.cpp": ()}
    assert found["huggingface"].path == "/home/ada/.cache/huggingface/hub"
    assert problems(tmp_path) == ()


def test_weights_of_a_repository_are_counted_once(tmp_path: Path) -> None:
    for number in (1, 2):
        blob(tmp_path, "Qwen/Qwen3-8B", f"model-0000{number}-of-00002.safetensors", 8_000_000_000)
    blob(tmp_path, "Qwen/Qwen3-8B", "config.json", 900)
    ref(tmp_path, "Qwen/Qwen3-8B")
    assert listed(tmp_path) == [("Qwen/Qwen3-8B", "safetensors", 16_000_000_000)]


def test_a_download_that_was_interrupted_is_not_counted(tmp_path: Path) -> None:
    blob(tmp_path, "Qwen/Qwen3-8B", "model-00001-of-00002.safetensors", 8_000_000_000)
    blobs = tmp_path / HUB / "models--Qwen--Qwen3-8B" / "blobs"
    (blobs / f"{'b' * 64}.incomplete").write_bytes(b"part")
    assert listed(tmp_path) == []


def test_each_type_of_a_gguf_repository_is_a_row_of_its_own(tmp_path: Path) -> None:
    for name, size in (
        ("Qwen3-8B-Q4_K_M.gguf", 5), ("Qwen3-8B-UD-Q4_K_XL.gguf", 6), ("mmproj-BF16.gguf", 9),
        ("BF16/Qwen3-8B-BF16-00001-of-00002.gguf", 7), ("BF16/Qwen3-8B-BF16-00002-of-00002.gguf", 8),
        ("Q8_0/Qwen3-8B-Q8_0-00001-of-00002.gguf", 3),
    ):  # fmt: skip
        blob(tmp_path, "unsloth/Qwen3-8B-GGUF", name, size)
    repository = "unsloth/Qwen3-8B-GGUF"
    assert listed(tmp_path) == [(repository, "bf16", 15), (repository, "q4_k_m", 5), (repository, "q4_k_xl", 6)]


def test_the_revision_that_main_names_is_the_one_that_counts(tmp_path: Path) -> None:
    blob(tmp_path, "some/model", "model.safetensors", 10, revision="a" * 40)
    blob(tmp_path, "some/model", "model.safetensors", 20, revision="b" * 40)
    ref(tmp_path, "some/model", "b" * 40)
    assert listed(tmp_path) == [("some/model", "safetensors", 20)]


def test_a_repository_without_main_counts_by_a_revision_that_has_a_model(tmp_path: Path) -> None:
    blob(tmp_path, "some/model", "config.json", 10, revision="a" * 40)
    blob(tmp_path, "some/model", "model.safetensors", 20, revision="b" * 40)
    assert listed(tmp_path) == [("some/model", "safetensors", 20)]


def test_no_link_is_followed_out_of_the_cache(tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere" / "models--other--model" / "snapshots" / REVISION
    outside.mkdir(parents=True)
    (outside / "model.safetensors").write_bytes(b"x" * 50)
    hub = tmp_path / HUB
    (hub / "models--linked--file" / "snapshots" / REVISION).mkdir(parents=True)
    place = hub / "models--linked--file" / "snapshots" / REVISION / "model.safetensors"
    place.symlink_to(os.path.relpath(outside / "model.safetensors", place.parent))
    (hub / "models--linked--folder").symlink_to(os.path.relpath(outside.parents[1], hub))
    (hub / "models--linked--snapshots").mkdir()
    (hub / "models--linked--snapshots" / "snapshots").symlink_to(outside.parent)
    assert listed(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_neither_counted_nor_opened(tmp_path: Path) -> None:
    folder = tmp_path / HUB / "models--some--model"
    (folder / "snapshots" / REVISION).mkdir(parents=True)
    (folder / "refs").mkdir()
    os.mkfifo(folder / "snapshots" / REVISION / "model.safetensors")
    os.mkfifo(folder / "refs" / "main")
    assert listed(tmp_path) == []


def test_a_cache_that_is_a_link_itself_is_read_where_it_leads(tmp_path: Path) -> None:
    blob(tmp_path, "some/model", "model.safetensors", 10, hub="data/hub")
    (tmp_path / HUB).parent.mkdir(parents=True)
    (tmp_path / HUB).symlink_to(os.path.relpath(tmp_path / "data/hub", (tmp_path / HUB).parent))
    assert listed(tmp_path) == [("some/model", "safetensors", 10)]


def test_a_link_that_is_written_as_a_whole_path_counts_where_it_stays_in_the_cache(tmp_path: Path) -> None:
    place = blob(tmp_path, "some/model", "model.safetensors", 10)
    stored = place.resolve()
    place.unlink()
    place.symlink_to(f"/{stored.relative_to(tmp_path)}")
    assert listed(tmp_path) == [("some/model", "safetensors", 10)]


def test_a_blob_that_is_a_link_itself_is_not_followed(tmp_path: Path) -> None:
    place = blob(tmp_path, "some/model", "model.safetensors", 10)
    stored = place.resolve()
    other = tmp_path / "outside.bin"
    stored.rename(other)
    stored.symlink_to(other)
    assert listed(tmp_path) == []


def test_names_that_the_hub_cannot_have_are_left_out(tmp_path: Path) -> None:
    blob(tmp_path, "some/model", "model.safetensors", 10)
    for name in ("models--a b--c", "models--a\x1b[31m--c", "datasets--some--data"):
        folder = tmp_path / HUB / name / "snapshots" / REVISION
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(b"x")
    assert listed(tmp_path) == [("some/model", "safetensors", 10)]


def test_a_cache_with_too_many_entries_says_that_it_was_not_read_to_the_end(tmp_path: Path) -> None:
    blob(tmp_path, "some/model", "model.safetensors", 10)
    for number in range(MOST_ENTRIES):
        (tmp_path / HUB / str(number)).touch()
    assert caches(tmp_path)["huggingface"].truncated
    assert [each.code for each in problems(tmp_path)] == ["truncated"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_cache_that_may_not_be_read_is_unknown(tmp_path: Path) -> None:
    (tmp_path / HUB).mkdir(parents=True)
    (tmp_path / HUB).chmod(0)
    try:
        assert caches(tmp_path)["huggingface"].models is None
        assert [each.code for each in problems(tmp_path)] == ["unreadable-path"]
    finally:
        (tmp_path / HUB).chmod(0o755)


def test_a_file_in_the_place_of_a_cache_is_unknown(tmp_path: Path) -> None:
    (tmp_path / HUB).parent.mkdir(parents=True)
    (tmp_path / HUB).write_text("no folder")
    assert caches(tmp_path)["huggingface"].models is None


# --- Ollama ---


def manifest(root: Path, name: str, *, size: int = 40, stored: int | None = None, kind: str = "Q4_K_M") -> None:
    store = root / "home/ada/.ollama/models"
    digest, config = hashlib.sha256(name.encode()).hexdigest(), hashlib.sha256(f"{name}c".encode()).hexdigest()
    (store / "blobs").mkdir(parents=True, exist_ok=True)
    with (store / "blobs" / f"sha256-{digest}").open("wb") as file:
        file.truncate(size if stored is None else stored)
    (store / "blobs" / f"sha256-{config}").write_text(json.dumps({"file_type": kind}))
    place = store / "manifests" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    layers = [
        {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}", "size": size},
        {"mediaType": "application/vnd.ollama.image.license", "digest": f"sha256:{'0' * 64}", "size": 7},
    ]
    place.write_text(json.dumps({"config": {"digest": f"sha256:{config}", "size": 2}, "layers": layers}))


def test_models_of_ollama_are_named_as_it_is_given_them(tmp_path: Path) -> None:
    manifest(tmp_path, "registry.ollama.ai/library/qwen3/8b")
    manifest(tmp_path, "registry.ollama.ai/somebody/tuned/latest", kind="Q8_0")
    manifest(tmp_path, "hf.co/unsloth/Qwen3-8B-GGUF/Q4_K_M")
    assert listed(tmp_path, "ollama") == [
        ("hf.co/unsloth/Qwen3-8B-GGUF:Q4_K_M", "q4_k_m", 40),
        ("qwen3:8b", "q4_k_m", 40),
        ("somebody/tuned:latest", "q8_0", 40),
    ]


def test_a_model_of_ollama_whose_blob_is_shorter_is_not_counted(tmp_path: Path) -> None:
    manifest(tmp_path, "registry.ollama.ai/library/qwen3/8b", size=40, stored=12)
    assert listed(tmp_path, "ollama") == []


@pytest.mark.parametrize(
    "text",
    [
        "", "not json", "[1, 2]", '{"layers": 5}', '{"layers": [{"size": "big"}]}', "{}", "\xff", "[" * 50_000,
        '{"layers": [{"mediaType": "x.model", "digest": "sha256:../../../etc/passwd", "size": 5}]}',
        '{"layers": [{"mediaType": "x.model", "digest": "", "size": -5}]}',
    ],
)  # fmt: skip
def test_a_manifest_that_is_none_is_left_out(tmp_path: Path, text: str) -> None:
    manifest(tmp_path, "registry.ollama.ai/library/qwen3/8b")
    place = tmp_path / "home/ada/.ollama/models/manifests/registry.ollama.ai/library/other/1b"
    place.parent.mkdir(parents=True)
    place.write_text(text, encoding="latin-1")
    assert [name for name, _, _ in listed(tmp_path, "ollama")] == ["qwen3:8b"]


def test_the_folder_that_a_variable_names_is_the_one_that_is_read(tmp_path: Path) -> None:
    found = caches(tmp_path, OLLAMA_MODELS="/data/ollama", HF_HUB_CACHE="/data/hub", LLAMA_CACHE="/data/llama")
    assert {name: each.path for name, each in found.items()} == {
        "huggingface": "/data/hub", "ollama": "/data/ollama", "llama.cpp": "/data/llama"
    }  # fmt: skip


def test_ollamas_service_keeps_its_models_where_its_installer_puts_them(tmp_path: Path) -> None:
    (tmp_path / "usr/share/ollama/.ollama/models").mkdir(parents=True)
    assert caches(tmp_path)["ollama"].path == "/usr/share/ollama/.ollama/models"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_models_of_a_service_that_may_not_be_read_are_unknown_and_not_absent(tmp_path: Path) -> None:
    folder = tmp_path / "usr/share/ollama"
    (folder / ".ollama/models").mkdir(parents=True)
    folder.chmod(0)
    try:
        assert caches(tmp_path)["ollama"].models is None
    finally:
        folder.chmod(0o755)


# --- llama.cpp ---


def test_files_of_llama_cpp_before_it_shared_the_hubs_cache(tmp_path: Path) -> None:
    folder = tmp_path / "home/ada/.cache/llama.cpp"
    folder.mkdir(parents=True)
    (folder / "manifest=unsloth=Qwen3-8B-GGUF=Q4_K_M.json").write_text("{}")
    (folder / "unsloth_Qwen3-8B-GGUF_Qwen3-8B-Q4_K_M.gguf").write_bytes(b"x" * 30)
    (folder / "unsloth_Qwen3-8B-GGUF_Qwen3-8B-Q8_0.gguf.downloadInProgress").write_bytes(b"x" * 9)
    assert listed(tmp_path, "llama.cpp") == [("unsloth/Qwen3-8B-GGUF", "q4_k_m", 30)]


def test_a_folder_that_llama_cache_names_is_laid_out_as_the_hubs(tmp_path: Path) -> None:
    blob(tmp_path, "unsloth/Qwen3-8B-GGUF", "Qwen3-8B-Q4_K_M.gguf", 30, hub="data/llama")
    assert listed(tmp_path, "llama.cpp", LLAMA_CACHE="/data/llama") == [("unsloth/Qwen3-8B-GGUF", "q4_k_m", 30)]


# --- in an inspection ---


def test_caches_are_read_only_where_they_are_asked_for(tmp_path: Path) -> None:
    blob(tmp_path, "some/model", "model.safetensors", 10)
    host = Host(str(tmp_path), {"HOME": "/home/ada"})
    assert Inspection(host, Request()).machine().model_caches is None
    found = Inspection(host, Request(model_caches=True)).machine().model_caches
    assert found is not None
    assert found[0].models == (CachedModel(repository="some/model", format="safetensors", bytes=10),)
