"""One request against a server on this machine: deadline, redirections, and what is never sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from llmcheck.system.http import fetch
from llmcheck.system.http_request import proxy_for


class Server(ThreadingHTTPServer):
    daemon_threads = True
    stop: threading.Event
    location: str
    headers: list[dict[str, str]]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves early is expected here."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Quiet."""

    def do_GET(self) -> None:
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        path = self.path.removeprefix("http://elsewhere.invalid")
        self.send_response(302 if path == "/moved" else 200)
        if path == "/moved":
            self.send_header("Location", self.server.location)
        self.end_headers()
        self.wfile.write(b"x" * 1000)
        self.wfile.flush()
        if path == "/stalls":
            self.server.stop.wait(60)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as serving:
        serving.stop, serving.location, serving.headers = threading.Event(), "/", []
        threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True).start()
        yield serving
        serving.stop.set()
        serving.shutdown()


def test_a_download_that_stalls_is_an_answer_with_what_came(server: Server) -> None:
    got = fetch(f"{server.url}/stalls", {}, 0.5)
    assert (got.status, got.received, got.error) == (200, 1000, None)
    assert got.first_byte is not None


@pytest.mark.parametrize("location", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:text/plain,x", "http://[::1"])
def test_a_redirection_leads_to_web_addresses_only(server: Server, location: str) -> None:
    server.location = location
    got = fetch(f"{server.url}/moved", {}, 10)
    assert (got.status, bool(got.error)) == (None, True)
    assert "\n" not in (got.error or "")


def test_credentials_in_a_redirection_are_not_sent(server: Server) -> None:
    server.location = server.url.replace("http://", "http://user:secret@") + "/there?key=1"
    assert fetch(f"{server.url}/moved", {}, 10).status == 200
    assert len(server.headers) == 2
    assert all("authorization" not in each for each in server.headers)


def test_credentials_of_the_proxy_are_not_carried_to_a_host_that_is_reached_directly(server: Server) -> None:
    server.location = f"{server.url}/there"
    environ = {"http_proxy": f"http://me:secret@127.0.0.1:{server.server_port}", "no_proxy": "127.0.0.1"}
    got = fetch("http://elsewhere.invalid/moved", environ, 10)
    assert (got.status, got.proxy) == (200, None)
    first, second = server.headers
    assert "proxy-authorization" in first
    assert "proxy-authorization" not in second


def test_this_process_own_proxies_are_not_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert fetch(server.url, {}, 10).status == 200


@pytest.mark.parametrize(
    ("environ", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "https_proxy": "http://q:2"}, "http://q:2"),
        ({"http_proxy": "http://p:1"}, None),
        ({"ALL_PROXY": "p:1"}, "http://p:1"),
        ({"ALL_PROXY": "p:1", "NO_PROXY": "example.org"}, None),
        ({"ALL_PROXY": "p:1", "NO_PROXY": ".org"}, None),
        ({"ALL_PROXY": "p:1", "NO_PROXY": "*.example.org"}, None),
        ({"ALL_PROXY": "p:1", "NO_PROXY": "ample.org"}, "http://p:1"),
    ],
)
def test_the_environment_names_the_proxy(environ: dict[str, str], proxy: str | None) -> None:
    assert proxy_for("https://hub.example.org/", environ) == proxy
