"""Sends bytes over several TCP connections: both ends here, or one of them. The receiver says what came."""

from __future__ import annotations

import hashlib
import json
import socket
import sys
import threading
import time
from typing import Any

MARK = "#llmcheck-measured "
SETTINGS = json.loads(sys.argv[1])
STREAMS = 4
PIECE = bytes(range(256)) * 4096
HELLO = b"llmcheck-tcp-1\n"
DIGEST = hashlib.sha256(PIECE).digest()


def answer(**fields: Any) -> None:
    print(MARK + json.dumps(fields), flush=True)


def receive(connection: socket.socket, results: list[bool]) -> None:
    """Counts bytes, compares every 64th piece, and sends back what it counted."""
    with connection:
        connection.settimeout(SETTINGS["deadline"])
        if exactly(connection, len(HELLO)) != HELLO:
            return  # not a program of ours
        buffer = bytearray(len(PIECE))
        view = memoryview(buffer)
        count, have, right = 0, 0, True
        while True:
            got = connection.recv_into(view[have:])
            if not got:
                break
            have += got
            if have == len(PIECE):
                if count % 64 == 0:
                    right = right and hashlib.sha256(buffer).digest() == DIGEST
                count, have = count + 1, 0
        connection.sendall(json.dumps([count * len(PIECE) + have, right]).encode().ljust(64))
        results.append(right)


def exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            break
        data += more
    return data


def listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((host, port))
    found.listen(STREAMS)
    return found


def serve(server: socket.socket) -> bool:
    """Four connections, then it is over. Whether all came whole and right."""
    results: list[bool] = []
    server.settimeout(SETTINGS["deadline"])
    threads = []
    with server:
        for _ in range(STREAMS):
            connection, _ = server.accept()
            threads.append(threading.Thread(target=receive, args=(connection, results), daemon=True))
            threads[-1].start()
    for each in threads:
        each.join()
    return len(results) == STREAMS and all(results)


def send(host: str, port: int, subject: str) -> None:
    results: list[tuple[int, bool]] = []
    errors: list[str] = []
    ready = threading.Barrier(STREAMS)

    def stream() -> None:
        try:
            with socket.create_connection((host, port), timeout=SETTINGS["deadline"]) as connection:
                connection.sendall(HELLO)
                ready.wait(SETTINGS["deadline"])
                end, sent = time.perf_counter() + SETTINGS["seconds"], 0
                while time.perf_counter() < end:
                    connection.sendall(PIECE)
                    sent += len(PIECE)
                connection.shutdown(socket.SHUT_WR)
                counted, right = json.loads(exactly(connection, 64))
                results.append((counted, bool(right) and counted == sent))
        except (OSError, ValueError, threading.BrokenBarrierError) as error:
            errors.append(f"{host} port {port}: {getattr(error, 'strerror', None) or error}")
            ready.abort()

    begun = time.perf_counter()
    threads = [threading.Thread(target=stream) for _ in range(STREAMS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    took = time.perf_counter() - begun
    total, right = sum(count for count, _ in results), all(each for _, each in results)
    if errors:
        raise SystemExit(errors[0])
    answer(
        quantity="tcp",
        subject=subject,
        unit="Gb/s",
        rate=total * 8 / took / 1e9,
        right=right,
        reason=None if right else "what came is not what was sent",
        detail=f"{STREAMS} connections, {total // 2**20} MiB",
    )


def main() -> None:
    try:
        if SETTINGS["listen"]:
            right = serve(listener(*SETTINGS["listen"]))
            reason = "the sender measures" if right else "what came is not what the sender sends"
            answer(quantity="tcp", subject="this host as the receiver", unit="Gb/s", right=right, reason=reason)
        elif SETTINGS["peer"]:
            host, port = SETTINGS["peer"]
            send(host, port, f"to {host}")
        else:
            server = listener("127.0.0.1", 0)
            threading.Thread(target=serve, args=(server,), daemon=True).start()
            send("127.0.0.1", server.getsockname()[1], "this host to itself")
    except OSError as error:
        raise SystemExit(f"{error.strerror or error}") from None


if __name__ == "__main__":
    main()
