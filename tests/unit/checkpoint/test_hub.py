"""``fit --model`` against a server on this machine that speaks the hub's interface: only headers are fetched."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from llmcheck.api.model_source import ModelSource, architecture
from llmcheck.checkpoint import find, hub
from llmcheck.checkpoint.hub import HubError
from llmcheck.errors import UsageError
from tests.unit.checkpoint import gguf_writer as writer
from tests.unit.checkpoint.test_safetensors import CONFIG, entries, llama
from tests.unit.checkpoint.test_safetensors import write as written

NAME = "acme/tiny"


class Hub(ThreadingHTTPServer):
    """Serves folders as repositories: a list of files, and parts of them, which the file server of the hub sends."""

    daemon_threads = True
    root: Path
    sent: int
    asked: list[str]
    status: int
    ranges: bool

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves early is expected here."""

    @property
    def environ(self) -> dict[str, str]:
        return {"HF_ENDPOINT": f"http://127.0.0.1:{self.server_port}/"}


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Quiet."""

    def do_GET(self) -> None:
        path, hub = self.path, self.server
        hub.asked.append(path)
        if hub.status != 200:
            self.answer(hub.status, b"{}")
        elif path == f"/api/models/{NAME}/tree/main":
            files = [
                {"type": "file", "oid": "0", "path": each.name, "size": each.stat().st_size}
                for each in sorted(hub.root.iterdir())
            ]
            self.answer(200, json.dumps([*files, {"type": "directory", "path": "original", "oid": "1"}]).encode())
        elif path.startswith(f"/{NAME}/resolve/main/"):
            self.send_response(302)
            self.send_header("Location", "/files/" + path.rpartition("/")[2])
            self.end_headers()
        elif path.startswith("/files/") and (hub.root / path[7:]).is_file():
            self.file(hub.root / path[7:])
        else:
            self.answer(404, b"{}")

    def answer(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def file(self, path: Path) -> None:
        size, wanted = path.stat().st_size, self.headers.get("Range")
        first, last = 0, size - 1
        if wanted and self.server.ranges:
            first, last = (int(each) for each in wanted.removeprefix("bytes=").split("-"))
            last = min(last, size - 1)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        with path.open("rb") as file:
            file.seek(first)
            data = file.read(last - first + 1)
        self.server.sent += len(data)
        self.wfile.write(data)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Hub]:
    with Hub(("127.0.0.1", 0), Handler) as serving:
        serving.root, serving.sent, serving.asked, serving.status, serving.ranges = tmp_path, 0, [], 200, True
        threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True).start()
        yield serving
        serving.shutdown()


LARGE = {**CONFIG, "hidden_size": 2048, "intermediate_size": 8192, "vocab_size": 64_000}
SHAPES: dict[str, Any] = llama(hidden=2048, kv=1024, inner=8192, vocab=64_000)


def test_a_repository_is_read_like_its_folder(server: Hub, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(LARGE))
    (tmp_path / "README.md").write_text("# tiny")
    written(tmp_path / "model.safetensors", entries(SHAPES))
    found, local = hub.read(NAME, server.environ), find.read(str(tmp_path))
    assert (found.tensors, found.file_size, found.parameters) == (local.tensors, local.file_size, local.parameters)
    assert found.name == NAME
    assert found.source == "acme/tiny on the hub: config.json and the headers of 1 weight file"
    assert server.sent < 300_000 < 500 * 2**20 < (tmp_path / "model.safetensors").stat().st_size
    assert not any(path.endswith("README.md") for path in server.asked)


def test_every_shard_of_an_index_is_read(server: Hub, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(LARGE))
    names = list(SHAPES)
    parts = {f"model-{at + 1:05}-of-00003.safetensors": names[at::3] for at in range(3)}
    for part, members in parts.items():
        written(tmp_path / part, entries({name: SHAPES[name] for name in members}))
    index = {"metadata": {}, "weight_map": {name: part for part, members in parts.items() for name in members}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    written(tmp_path / "consolidated.safetensors", entries(SHAPES))  # the same weights again, which are not loaded
    found = hub.read(NAME, server.environ)
    assert found.tensors == find.read(str(tmp_path)).tensors
    assert not any("consolidated" in path for path in server.asked)


def test_a_header_longer_than_the_first_part_is_fetched_to_its_end(server: Hub, tmp_path: Path) -> None:
    config = {**CONFIG, "num_hidden_layers": 400}
    (tmp_path / "config.json").write_text(json.dumps(config))
    written(tmp_path / "model.safetensors", entries(llama(layers=400)))
    found = hub.read(NAME, server.environ)
    assert found.tensors is not None
    assert found.layers == 400


@pytest.mark.parametrize(("tag", "chosen"), [("", "tiny-Q4_K_M.gguf"), (":Q8_0", "tiny-Q8_0.gguf")])
def test_a_repository_of_gguf_files_is_read_by_the_header_of_one(
    server: Hub, tmp_path: Path, tag: str, chosen: str
) -> None:
    for name, kind in (("tiny-Q4_K_M.gguf", writer.Q4_K), ("tiny-Q8_0.gguf", writer.Q8_0)):
        writer.write(
            tmp_path / name, *writer.llama(layers=8, hidden=2048, inner=8192, vocab=32_000, kind=kind, tokens=True)
        )
    (tmp_path / "mmproj-tiny.gguf").write_bytes(b"GGUF")
    found = hub.read(NAME + tag, server.environ)
    assert found.tensors == find.read(str(tmp_path / chosen)).tensors
    assert found.source == f"acme/tiny on the hub: the header of {chosen}"
    assert all(chosen in path for path in server.asked if "resolve" in path)


def test_config_json_alone_is_enough(server: Hub, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    found = hub.read(NAME, server.environ)
    assert (found.tensors, found.layers) == (None, 2)


@pytest.mark.parametrize(
    ("status", "words"), [(401, "asks for a login"), (403, "asks for a login"), (404, "has no main"), (500, "HTTP 500")]
)
def test_what_the_hub_refuses_is_one_line(
    server: Hub, monkeypatch: pytest.MonkeyPatch, status: int, words: str
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)  # it would ask the real hub with a login
    server.status = status
    with pytest.raises(HubError) as raised:
        hub.read(NAME, server.environ)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("files", [{}, {"adapter_model.safetensors": b"x"}, {"a.bin": b"x"}])
def test_a_repository_without_a_model_is_refused(server: Hub, tmp_path: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(HubError, match=r"has no config\.json, safetensors or GGUF file"):
        hub.read(NAME, server.environ)


@pytest.mark.parametrize("data", [b"", b"x" * 7, b"\xff" * 64, b"GGUF" + bytes(60)])
def test_damaged_files_are_refused_with_the_repositorys_name(server: Hub, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "model.safetensors").write_bytes(data)
    with pytest.raises(HubError) as raised:
        hub.read(NAME, server.environ)
    assert "/tmp" not in str(raised.value)


def test_a_server_without_ranges_sends_no_more_than_is_read(server: Hub, tmp_path: Path) -> None:
    server.ranges = False
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    written(tmp_path / "model.safetensors", entries(llama()))
    assert hub.read(NAME, server.environ).tensors is not None


def test_nothing_is_fetched_offline(server: Hub) -> None:
    with pytest.raises(HubError, match="HF_HUB_OFFLINE"):
        hub.read(NAME, {**server.environ, "HF_HUB_OFFLINE": "1"})
    assert server.asked == []


def test_a_hub_that_cannot_be_reached_leaves_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    found = architecture(ModelSource(repository="Qwen/Qwen3-8B"), str(tmp_path))
    assert any("could not be reached" in note for note in found.notes)
    assert found.layers == 36


@pytest.mark.parametrize("name", ["a b", "../x", "a/b/c", "a:b:c/d", "a/b:../c"])
def test_only_a_repository_is_asked_for(name: str) -> None:
    with pytest.raises(UsageError, match="expected a repository"):
        architecture(ModelSource(repository=name), "/nonexistent")
