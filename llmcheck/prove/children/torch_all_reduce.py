"""An all-reduce over the GPUs of this node and of others (NCCL, RCCL), or over processes (gloo), through torch.

Started without a rank it starts one process for each GPU with its own text, and waits for them.
"""

from __future__ import annotations

import datetime
import json
import os
import socket
import subprocess
import sys
import time
from typing import Any, NoReturn

CANNOT, NOT_APPLICABLE = 4, 5
MARK = "#llmcheck-measured "
SETTINGS = json.loads(sys.argv[1])


def cannot(why: str, code: int = CANNOT) -> NoReturn:
    print(why, flush=True)
    sys.exit(code)


def answer(**fields: Any) -> None:
    print(MARK + json.dumps(fields), flush=True)


def start_all(torch: Any) -> int:
    there = torch.cuda.is_available() and torch.cuda.device_count() > 0
    if SETTINGS["device"] == "cuda" and not there:
        cannot(f"torch {torch.__version__} can use no GPU (torch.cuda.is_available() is False)")
    on_gpus = there and SETTINGS["device"] != "cpu"
    local = torch.cuda.device_count() if on_gpus else SETTINGS["processes"]
    world = local * SETTINGS["nodes"]
    if world < 2:
        cannot("one GPU: there is no other to exchange with", NOT_APPLICABLE)
    host, port = SETTINGS["rendezvous"] or ("127.0.0.1", free_port())
    started = []
    for number in range(local):
        more = {"rank": SETTINGS["node"] * local + number, "local": number, "world": world, "on_gpus": on_gpus}
        settings = {**SETTINGS, **more, "rendezvous": [host, port]}
        argv = [sys.executable, "-B", "-c", SETTINGS["source"], json.dumps(settings)]
        started.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL))
    while True:
        codes = [each.poll() for each in started]
        if any(codes):  # the others would wait for it
            for each in started:
                each.kill()
            return 1
        if all(code == 0 for code in codes):
            return 0
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end_with_parent() -> None:
    """Linux kills this process when the one that started it ends, in whatever way."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, 9)


def take_part(torch: Any) -> None:
    rank, world, on_gpus = SETTINGS["rank"], SETTINGS["world"], SETTINGS["on_gpus"]
    host, port = SETTINGS["rendezvous"]
    device = torch.device("cuda", SETTINGS["local"]) if on_gpus else torch.device("cpu")
    about: dict[str, Any] = {}
    if on_gpus:
        torch.cuda.set_device(device)
        properties = torch.cuda.get_device_properties(device)
        vendor = "amd" if getattr(torch.version, "hip", None) else "nvidia"
        about = {"vendor": vendor, "card": properties.name, "card_memory": properties.total_memory}
        about["gpus"] = world if SETTINGS["nodes"] == 1 else None  # published rates are those of one node
    elif SETTINGS["nodes"] == 1:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # the host's own name may lead to no address
    limit = datetime.timedelta(seconds=SETTINGS["deadline"])
    torch.distributed.init_process_group(
        "nccl" if on_gpus else "gloo", init_method=f"tcp://{host}:{port}", rank=rank, world_size=world, timeout=limit
    )
    try:
        for size in SETTINGS["sizes"]:
            reduce(torch, device, size, rank, world, about)
    finally:
        torch.distributed.destroy_process_group()


def reduce(torch: Any, device: Any, size: int, rank: int, world: int, about: dict[str, Any]) -> None:
    """The sum of what the ranks have must be exact; then the mean time of several, after one that is not counted."""
    on_gpus = SETTINGS["on_gpus"]
    fits = torch.ones(1, device=device)
    if on_gpus:
        fits[0] = float(torch.cuda.mem_get_info(device)[0] > size * 1.25)
    torch.distributed.all_reduce(fits, op=torch.distributed.ReduceOp.MIN)
    if not bool(fits[0]):
        return
    buffer = torch.full((size // 4,), float(rank + 1), dtype=torch.float32, device=device)
    torch.distributed.all_reduce(buffer)
    right = torch.ones(1, device=device)
    right[0] = float(bool((buffer == world * (world + 1) / 2).all()))
    torch.distributed.all_reduce(right, op=torch.distributed.ReduceOp.MIN)
    buffer.zero_()
    seconds, times = timed(torch, buffer, 1, on_gpus), 1
    seconds = shared(torch, seconds, device)
    times = max(1, min(50, int(SETTINGS["seconds"] / len(SETTINGS["sizes"]) / max(seconds, 1e-6))))
    seconds = shared(torch, timed(torch, buffer, times, on_gpus), device)
    if SETTINGS["local"] == 0:  # one answer for each node
        same = bool(right[0])
        answer(
            quantity="all-reduce",
            subject=f"{world} {'GPUs' if on_gpus else 'processes'}",
            unit="GB/s",
            rate=2 * size * (world - 1) / world / seconds / 1e9,
            right=same,
            reason=None if same else "the sum is not that of what was sent",
            detail=f"bus bandwidth, {size // 2**20:,} MiB, {times} times, {'NCCL' if on_gpus else 'gloo'}",
            message_bytes=size,
            **about,
        )


def timed(torch: Any, buffer: Any, times: int, on_gpus: bool) -> float:
    torch.distributed.barrier()
    if on_gpus:
        torch.cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(times):
        torch.distributed.all_reduce(buffer)
    if on_gpus:
        torch.cuda.synchronize()
    return (time.perf_counter() - begun) / times


def shared(torch: Any, seconds: float, device: Any) -> float:
    """The longest time of any rank, so that all go on alike."""
    longest = torch.tensor([seconds], dtype=torch.float32, device=device)
    torch.distributed.all_reduce(longest, op=torch.distributed.ReduceOp.MAX)
    return float(longest[0])


def main() -> None:
    if "rank" in SETTINGS:
        end_with_parent()
    try:
        import torch  # type: ignore[import-not-found,unused-ignore]
        import torch.distributed  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        cannot(f"torch cannot be imported by {sys.executable}: {error}")
    if "rank" not in SETTINGS:
        sys.exit(start_all(torch))
    take_part(torch)


if __name__ == "__main__":
    main()
