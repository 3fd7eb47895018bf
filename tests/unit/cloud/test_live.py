"""Live prices by gpuhunt: from a local server that speaks what it reads, without a network, and from the cache."""

from __future__ import annotations

import datetime
import http.server
import io
import json
import os
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from llmcheck import api, catalog
from llmcheck.cloud import live
from llmcheck.system.cache_folder import cache_folder

FIELDS = (
    "instance_name,location,price,cpu,memory,gpu_count,gpu_name,gpu_memory,spot,disk_size,gpu_vendor,flags,cpu_arch,"
    "provider_data\n"
)
CATALOGUES = {
    "aws": "p5.48xlarge,us-east-1,50.0,192,2048,8,H100,80,False,,nvidia,,x86,{}\n"
    "p5.48xlarge,us-west-2,49.0,192,2048,8,H100,80,False,,nvidia,,x86,{}\n"
    "p5.48xlarge,us-west-2,20.0,192,2048,8,H100,80,True,,nvidia,,x86,{}\n"
    "c5.large,us-east-1,0.08,2,4,0,,,False,,,,x86,{}\n",
    "lambdalabs": "gpu_1x_a10,us-east-1,0.11,30,200,1,A10,24,False,,nvidia,,x86,{}\n"
    "odd,us-east-1,0.01,30,200,1,Hopper9000,24,False,,nvidia,,x86,{}\n",
}
gpuhunt = pytest.importorskip("gpuhunt")


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        *_, provider, name = self.path.split("/")
        if name == "version" and provider in CATALOGUES:
            self._send(b"20261127-14\n")
        elif name == "catalog.zip":
            provider = self.path.split("/")[1]
            data = io.BytesIO()
            with zipfile.ZipFile(data, "w") as file:
                file.writestr(f"{provider}.csv", FIELDS + CATALOGUES[provider])
            self._send(data.getvalue())
        else:
            self.send_error(404)

    def _send(self, data: bytes) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called
        """Nothing: the screen belongs to the tests."""


class _Portal(_Handler):
    def do_GET(self) -> None:
        self._send(b"<html><body>Please log in</body></html>")


class _Silent(_Handler):
    def do_GET(self) -> None:
        time.sleep(30)


Serve = Callable[[type[_Handler]], str]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Serve]:
    servers = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "GPUHUNT_CATALOG_DIR"):
        monkeypatch.delenv(name, raising=False)

    def start(handler: type[_Handler]) -> str:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("GPUHUNT_CATALOG_URL", url)
        return url

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_server_that_speaks_what_gpuhunt_reads_gives_todays_prices(serve: Serve) -> None:
    serve(_Handler)
    found = api.live_offers()
    assert found.messages == ()
    live_ones = {each.id: each for each in found.offers if each.source == "gpuhunt"}
    assert len(live_ones) == 2
    p5 = next(each for each in live_ones.values() if each.provider == "aws")
    assert (p5.gpu, p5.price_hour, p5.spot_price_hour, p5.region) == ("NVIDIA H100 80GB HBM3", 49.0, 20.0, "us-west-2")
    assert p5.price_date == datetime.date(2026, 11, 27)
    # what the catalogue does not say is known of this type
    assert (p5.link, p5.fabric, p5.fabric_gbit) == ("nvlink", "efa", 3200)
    # providers that it does not have keep the shipped prices, and no old price of those that it has is left
    shipped = [each for each in found.offers if each.source != "gpuhunt"]
    assert {each.provider for each in shipped if each.kind == "vm"}.isdisjoint({"aws", "lambda"})
    assert {each.id for each in catalog.offers() if each.provider == "gcp"} <= {each.id for each in shipped}


def test_what_was_fetched_is_kept_for_a_day(serve: Serve, tmp_path: Path) -> None:
    serve(_Handler)
    first = live.fetch(os.environ, now=lambda: 1_000_000.0)
    serve(_Portal)
    file = tmp_path / "cache" / "llmcheck" / "offers.json"
    assert json.loads(file.read_bytes())["schema"] == "llmcheck.live-offers/1"
    assert live.fetch(os.environ, now=lambda: 1_000_000.0 + 86_000) == first
    with pytest.raises(live.LiveError):
        live.fetch(os.environ, now=lambda: 1_000_000.0 + 86_500)
    file.write_text("{half a file")
    with pytest.raises(live.LiveError):
        live.fetch(os.environ, now=lambda: 1_000_000.0 + 1)


def test_a_cache_that_cannot_be_written_costs_nothing_but_the_next_wait(serve: Serve, tmp_path: Path) -> None:
    serve(_Handler)
    (tmp_path / "cache").write_text("a file where the folder would be")
    assert api.live_offers().messages == ()


def test_a_captive_portal_and_a_server_that_says_nothing_leave_the_shipped_prices(serve: Serve) -> None:
    serve(_Portal)
    found = api.live_offers()
    assert found.offers == catalog.offers()
    (message,) = found.messages
    assert "the shipped prices are used, up to 2026-10-10" in message
    serve(_Silent)
    begun = time.monotonic()
    found = api.live_offers(1.0)
    assert "no answer within 1 s" in found.messages[0]
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({"XDG_CACHE_HOME": "/x", "HOME": "/home/a"}, "linux", "/x/llmcheck"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/home/a"}, "linux", "/home/a/.cache/llmcheck"),
        ({"HOME": "/Users/a"}, "darwin", "/Users/a/Library/Caches/llmcheck"),
        ({}, "linux", None),
    ],
)
def test_the_cache_folder_is_that_of_the_platform(
    environ: Mapping[str, str], platform: str, expected: str | None
) -> None:
    assert cache_folder(environ, platform) == expected
