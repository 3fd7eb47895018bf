"""What may be reached: against a server and a proxy of our own on this machine, and nothing without being asked."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from llmcheck import codec
from llmcheck.probe import Reading, Request, access
from llmcheck.schema.machine import Access, Endpoint
from llmcheck.system.fetched import public_address
from llmcheck.system.host import Host

SECRET = "hf_NEVERSHOWN"
BIG = b"x" * (6 * 2**20)


@dataclass
class Seen:
    """What reached a server."""

    requests: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    seen: Seen
    stop: threading.Event

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves early is what we test."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Quiet."""

    def do_GET(self) -> None:
        self.server.seen.requests.append((self.command, self.path))
        self.server.seen.headers.append({name.lower(): value for name, value in self.headers.items()})
        path = self.path.removeprefix("http://hub.invalid")
        if path == "/moved":
            self.answer(302, b"", Location="/big")
        elif path == "/around":
            self.answer(302, b"", Location="/around")
        elif path == "/hang":
            self.server.stop.wait(60)
        elif path == "/drip":
            self.send_response(200)
            self.end_headers()
            while not self.server.stop.wait(0.05):
                self.wfile.write(b"x" * 65536)
        else:
            self.answer(404 if path == "/missing" else 200, BIG if path == "/big" else b"small")

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as serving:
        serving.seen, serving.stop = Seen(), threading.Event()
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield serving
        serving.stop.set()
        serving.shutdown()


def readings(environ: dict[str, str], probe_net: bool = True) -> list[Reading]:
    return list(access.probe(Host(environ=environ), Request(probe_net=probe_net)))


def told(environ: dict[str, str], probe_net: bool = True) -> Access:
    value = readings(environ, probe_net)[-1].access
    assert value is not None
    return value


def endpoints(environ: dict[str, str]) -> dict[str, Endpoint]:
    return {each.name: each for each in told(environ).endpoints or ()}


@pytest.fixture
def both(server: Server) -> Callable[..., dict[str, str]]:
    """An environment in which both addresses are the server's."""

    def environ(hub: str = "/", index: str = "/big", **more: str) -> dict[str, str]:
        return {"HF_ENDPOINT": server.url + hub, "PIP_INDEX_URL": server.url + index, **more}

    return environ


def test_nothing_is_sent_without_being_asked(server: Server, both: Callable[..., dict[str, str]]) -> None:
    assert told(both(), probe_net=False).endpoints is None
    assert server.seen.requests == []


def test_what_is_reached(server: Server, both: Callable[..., dict[str, str]]) -> None:
    found = endpoints(both())
    hub, index = found["hub"], found["package-index"]
    assert (hub.reachable, hub.status, hub.error, hub.proxy) == (True, 200, None, None)
    assert hub.seconds is not None
    assert 0 < hub.seconds < 5
    assert hub.bytes_per_second is None, "five bytes tell nothing of the speed"
    assert index.bytes_per_second is not None
    assert index.bytes_per_second > 2**20
    assert [method for method, _ in server.seen.requests] == ["GET", "GET"]


def test_an_error_of_the_server_is_an_answer(both: Callable[..., dict[str, str]]) -> None:
    hub = endpoints(both(hub="/missing"))["hub"]
    assert (hub.reachable, hub.status) == (True, 404)


def test_redirections_are_followed_to_an_end(server: Server, both: Callable[..., dict[str, str]]) -> None:
    found = endpoints(both(hub="/moved", index="/around"))
    assert (found["hub"].status, found["hub"].url) == (200, f"{server.url}/moved")
    assert found["package-index"].reachable is False
    assert "redirections" in (found["package-index"].error or "")


def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


def test_what_is_not_there_is_a_problem_with_a_remedy(both: Callable[..., dict[str, str]]) -> None:
    address = f"http://127.0.0.1:{closed_port()}"
    last = readings({**both(), "HF_ENDPOINT": address})[-1]
    assert last.access is not None
    hub, index = last.access.endpoints or ()
    assert (hub.reachable, hub.status, hub.seconds) == (False, None, None)
    assert hub.error is not None
    assert "\n" not in hub.error
    assert index.reachable
    (problem,) = last.problems
    assert (problem.code, address in problem.message, bool(problem.remedy)) == ("endpoint-unreachable", True, True)


@pytest.mark.parametrize(
    "address", ["ftp://x/", "file:///etc/passwd", "nonsense", "http://", "http://[::1/", "http://x:y/"]
)
def test_what_is_no_address_is_no_crash(both: Callable[..., dict[str, str]], address: str) -> None:
    assert endpoints({**both(), "PIP_INDEX_URL": address})["package-index"].reachable is False


def test_who_does_not_answer_is_not_waited_for(server: Server) -> None:
    began = time.monotonic()
    got = Host(environ={}).fetch(f"{server.url}/hang", 0.3)
    assert time.monotonic() - began < 20
    assert (got.status, bool(got.error)) == (None, True)


def test_a_slow_download_is_measured_and_left(server: Server) -> None:
    began = time.monotonic()
    got = Host(environ={}).fetch(f"{server.url}/drip", 1.0)
    assert time.monotonic() - began < 20
    assert got.status == 200
    assert got.received >= 65536
    assert 1e4 < got.received / got.receiving < 1e8


def test_no_more_is_fetched_than_asked_for(server: Server) -> None:
    got = Host(environ={}).fetch(f"{server.url}/big", 10, limit=2**20)
    assert got.received == 2**20


def test_a_captured_tree_never_asks_the_network(tmp_path: Path, server: Server) -> None:
    assert Host(str(tmp_path)).fetch(server.url, 5).status is None
    assert server.seen.requests == []


def test_the_proxy_is_used_and_its_credentials_go_to_it_alone(server: Server) -> None:
    proxy = f"http://me:p%40ss@127.0.0.1:{server.server_port}"
    got = Host(environ={"HTTP_PROXY": proxy}).fetch("http://hub.invalid/", 10)
    assert (got.status, got.proxy) == (200, server.url)
    assert server.seen.requests == [("GET", "http://hub.invalid/")]
    assert server.seen.headers[0]["proxy-authorization"] == "Basic bWU6cEBzcw=="
    assert server.seen.headers[0]["host"] == "hub.invalid"


@pytest.mark.parametrize("name", ["127.0.0.1", "*", "example.org, 127.0.0.1", "127.0.0.1:80"])
def test_no_proxy_is_heeded(server: Server, name: str) -> None:
    environ = {"http_proxy": f"http://127.0.0.1:{closed_port()}", "NO_PROXY": name}
    got = Host(environ=environ).fetch(server.url, 10)
    assert (got.status, got.proxy) == (200, None)


@pytest.mark.parametrize("name", ["", "7.0.0.1", "example.org"])
def test_no_proxy_for_others_changes_nothing(server: Server, name: str) -> None:
    environ = {"http_proxy": f"http://127.0.0.1:{closed_port()}", "NO_PROXY": name}
    got = Host(environ=environ).fetch(server.url, 10)
    assert (got.status, (got.proxy or "").startswith("http://127.0.0.1:")) == (None, True)


def test_a_proxy_that_refuses_is_said_to(server: Server) -> None:
    """It knows no CONNECT, which https needs."""
    got = Host(environ={"HTTPS_PROXY": f"me:{SECRET}@127.0.0.1:{server.server_port}"}).fetch("https://hub.invalid/", 10)
    assert (got.status, got.proxy) == (None, server.url)
    assert "501" in (got.error or "")


def test_no_secret_is_sent_or_told(server: Server, both: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(SECRET)
    environ = both(HF_TOKEN=SECRET, HF_TOKEN_PATH=str(token), HUGGING_FACE_HUB_TOKEN=SECRET)
    secret = server.url.replace("http://", f"http://user:{SECRET}@")
    environ |= {"PIP_INDEX_URL": f"{secret}/simple/?key={SECRET}#{SECRET}", "HTTP_PROXY": secret}
    said = readings(environ)
    assert said[-1].access is not None
    assert all(each.reachable for each in said[-1].access.endpoints or ())
    assert SECRET.encode() not in b"".join(map(codec.pack, said))
    received = repr([server.seen.requests, [{**each, "proxy-authorization": ""} for each in server.seen.headers]])
    assert SECRET not in received
    assert "authorization'" not in received.replace("proxy-authorization'", "")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("https://u:p@example.org:8080/simple/?a=b#c", "https://example.org:8080/simple/"),
        ("https://example.org", "https://example.org"),
        ("http://a@b@c/", "http://c/"),
    ],
)
def test_addresses_are_shown_without_secrets(given: str, shown: str) -> None:
    assert public_address(given) == shown


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"])
def test_offline_mode_of_the_hub_is_heeded(server: Server, both: Callable[..., dict[str, str]], variable: str) -> None:
    found = endpoints(both(**{variable: "1"}))
    assert (found["hub"].reachable, found["hub"].error) == (None, f"not tried: {variable} is set")
    assert found["package-index"].reachable
    assert [path for _, path in server.seen.requests] == ["/big"]


@pytest.mark.parametrize("variable", ["PIP_NO_INDEX", "UV_OFFLINE"])
def test_offline_mode_of_installers_is_heeded(both: Callable[..., dict[str, str]], variable: str) -> None:
    found = endpoints(both(**{variable: "true"}))
    assert (found["package-index"].reachable, found["hub"].reachable) == (None, True)


@pytest.mark.parametrize(("value", "on"), [("1", True), ("YES", True), ("On", True), ("0", False), ("", False)])
def test_what_switches_offline_mode_on(value: str, on: bool) -> None:
    assert told({"HF_HUB_OFFLINE": value}, probe_net=False).offline == (("HF_HUB_OFFLINE",) if on else ())


def test_uv_names_its_index(server: Server) -> None:
    environ = {"UV_DEFAULT_INDEX": f"ours={server.url}/big", "HF_HUB_OFFLINE": "1"}
    assert endpoints(environ)["package-index"].url == f"{server.url}/big"


def test_the_documented_addresses_are_the_default() -> None:
    found = endpoints({"HF_HUB_OFFLINE": "1", "UV_OFFLINE": "1"})
    assert [each.url for each in found.values()] == ["https://huggingface.co", f"{access._PYPI}/simple/"]


def test_what_is_known_is_told_before_the_next_attempt(both: Callable[..., dict[str, str]]) -> None:
    shown = [
        [each.reachable for each in reading.access.endpoints or ()] for reading in readings(both()) if reading.access
    ]
    assert shown == [[None, None], [True, None], [True, True]]


@pytest.mark.parametrize(
    ("environ", "file", "expected"),
    [
        ({"HF_TOKEN": "x"}, None, True),
        ({"HUGGING_FACE_HUB_TOKEN": "x"}, None, True),
        ({"HF_TOKEN": " "}, None, False),
        ({}, ".cache/huggingface/token", True),
        ({"HF_HOME": "{home}/hf"}, "hf/token", True),
        ({"HF_HOME": "{home}/hf"}, ".cache/huggingface/token", False),
        ({"HF_TOKEN_PATH": "{home}/t"}, "t", True),
        ({"XDG_CACHE_HOME": "{home}/c"}, "c/huggingface/token", True),
        ({}, None, False),
    ],
)
def test_a_token_is_found_where_the_libraries_look(
    tmp_path: Path, environ: dict[str, str], file: str | None, expected: bool
) -> None:
    if file:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(SECRET)
    environ = {name: value.format(home=tmp_path) for name, value in environ.items()}
    assert told({"HOME": str(tmp_path), **environ}, probe_net=False).token is expected


def test_an_empty_token_file_is_no_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("")
    assert told({"HF_TOKEN_PATH": str(tmp_path / "token")}, probe_net=False).token is False


def test_a_token_file_is_never_opened(tmp_path: Path) -> None:
    """A pipe would hang who opened it; it is no file with a token either."""
    import os

    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes here")
    os.mkfifo(tmp_path / "token")
    found: list[bool | None] = []
    environ = {"HF_TOKEN_PATH": str(tmp_path / "token")}
    asking = threading.Thread(target=lambda: found.append(told(environ, probe_net=False).token), daemon=True)
    asking.start()
    asking.join(20)
    assert found == [False]


def test_without_a_home_it_is_unknown_whether_there_is_a_token(tmp_path: Path) -> None:
    (reading,) = access.probe(Host(str(tmp_path)), Request())
    assert reading.access == Access(token=None)
