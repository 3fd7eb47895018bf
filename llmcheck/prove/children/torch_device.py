"""Matrix products and copies on each device through torch. The code is the same for every device: only ``device`` and
how its time is taken differ.
"""

from __future__ import annotations

import json
import math
import sys
import time
from typing import Any, NoReturn

CANNOT, NOT_APPLICABLE = 4, 5
MARK = "#llmcheck-measured "
SETTINGS = json.loads(sys.argv[1])
SECONDS = float(SETTINGS["seconds"])
MIB = 2**20


def cannot(why: str, code: int = CANNOT) -> NoReturn:
    print(why, flush=True)
    sys.exit(code)


def answer(**fields: Any) -> None:
    rate = fields.get("rate")
    if rate is not None and not math.isfinite(rate):
        fields["rate"] = None
    print(MARK + json.dumps(fields), flush=True)


class Device:
    """One device of torch, and how long its work takes."""

    def __init__(self, torch: Any, name: str, number: int) -> None:
        self.torch, self.number, self.on_gpu = torch, number, name == "cuda"
        self.device = torch.device(name, number) if self.on_gpu else torch.device("cpu")
        self.subject = f"GPU {number}" if self.on_gpu else "CPU"
        self.about: dict[str, Any] = {}
        self.kind = torch.float32
        if self.on_gpu:
            torch.cuda.set_device(self.device)
            properties = torch.cuda.get_device_properties(self.device)
            by_rocm = bool(getattr(torch.version, "hip", None))
            vendor = "amd" if by_rocm else "nvidia"
            # before Ampere bf16 is computed in other ways, if at all
            self.kind = torch.bfloat16 if by_rocm or properties.major >= 8 else torch.float16
            self.about = {"vendor": vendor, "card": properties.name, "card_memory": properties.total_memory}

    def room(self, wanted: int, least: int) -> int:
        """Bytes of a buffer, of which three fit into half of what is free: at most ``wanted``."""
        free = wanted * 8 if not self.on_gpu else self.torch.cuda.mem_get_info(self.device)[0]
        size = wanted
        while size > least and size * 6 > free:
            size //= 2
        return size

    def seconds(self, work: Any, times: int) -> float:
        """Of one call of ``work``, over several without a pause."""
        if not self.on_gpu:
            begun = time.perf_counter()
            for _ in range(times):
                work()
            return (time.perf_counter() - begun) / times
        first = self.torch.cuda.Event(enable_timing=True)
        last = self.torch.cuda.Event(enable_timing=True)
        first.record()
        for _ in range(times):
            work()
        last.record()
        last.synchronize()
        return float(first.elapsed_time(last)) / 1000 / times

    def wait(self) -> None:
        if self.on_gpu:
            self.torch.cuda.synchronize(self.device)

    def best(self, work: Any, budget: float) -> float:
        """The shortest time of one call, over windows of about a tenth of ``budget`` seconds."""
        work()
        self.wait()
        once = max(self.seconds(work, 1), 1e-7)
        times = max(1, min(10_000, int(budget / 10 / once)))
        best, end = math.inf, time.perf_counter() + budget
        while True:
            best = min(best, self.seconds(work, times))
            if time.perf_counter() >= end:
                return best


def matmul(torch: Any, device: Device, budget: float) -> None:
    """Two products of the same matrices have to be finite, alike, and as another way of computing says (Freivalds)."""
    n = 8192 if device.on_gpu else 1024
    while n > 1024 and 6 * 2 * n * n > device.room(6 * 2 * n * n, 0):
        n //= 2
    kind = device.kind
    generator = torch.Generator(device=device.device).manual_seed(20261128)
    a, b = (torch.randn(n, n, dtype=kind, device=device.device, generator=generator) for _ in range(2))
    first = torch.matmul(a, b)
    out = torch.empty_like(first)
    seconds = device.best(lambda: torch.matmul(a, b, out=out), budget)
    reason = wrong_product(torch, a, b, first, out)
    answer(
        quantity="matmul",
        subject=device.subject,
        unit="TFLOP/s",
        rate=2 * n**3 / seconds / 1e12,
        right=reason is None,
        reason=reason,
        detail=f"{n} x {n} in {str(kind).replace('torch.', '')}",
        **device.about,
    )


def wrong_product(torch: Any, a: Any, b: Any, first: Any, last: Any) -> Any:
    """Why the products are wrong; None where they are right. Kinds with few digits are compared as roughly."""
    for product in (first, last):
        if not bool(torch.isfinite(product).all()):
            return "the product has values that are not finite"
    n = a.shape[0]
    step = torch.finfo(a.dtype).eps
    if float((first.float() - last.float()).abs().max()) > 8 * step * math.sqrt(n):
        return "two products of the same matrices differ"
    v = torch.ones(n, 1, dtype=torch.float32, device=a.device)
    v[::2] = -1
    chunk = 1024  # the matrices are not converted as a whole: that would take twice their memory
    bv = torch.cat([b[i : i + chunk].float() @ v for i in range(0, n, chunk)])
    expected = torch.cat([a[i : i + chunk].float() @ bv for i in range(0, n, chunk)])
    got = torch.cat([last[i : i + chunk].float() @ v for i in range(0, n, chunk)])
    difference = float((got - expected).norm() / expected.norm())
    if not difference < 0.02:
        return f"the product is wrong by {100 * difference:.2g} %"
    return None


def host_device(torch: Any, device: Device, budget: float) -> None:
    """From and to pinned memory. What comes back has to be what was sent."""
    size = device.room(512 * MIB if device.on_gpu else 64 * MIB, MIB)
    host = torch.randint(0, 256, (MIB,), dtype=torch.uint8).repeat(size // MIB)
    back = torch.zeros_like(host)
    if device.on_gpu:
        host, back = host.pin_memory(), back.pin_memory()
    there = torch.empty(size, dtype=torch.uint8, device=device.device)
    up = device.best(lambda: there.copy_(host, non_blocking=True), budget / 2)
    down = device.best(lambda: back.copy_(there, non_blocking=True), budget / 2)
    device.wait()
    same = bool(torch.equal(host, back))
    reason = None if same else "what came back is not what was sent"
    detail = f"{size // MIB} MiB of {'pinned' if device.on_gpu else 'ordinary'} memory"
    for quantity, seconds in (("host-to-device", up), ("device-to-host", down)):
        answer(
            quantity=quantity, subject=device.subject, unit="GB/s", rate=size / seconds / 1e9, right=same,
            reason=reason, detail=detail, **device.about,
        )  # fmt: skip


def device_memory(torch: Any, device: Device, budget: float) -> None:
    """A copy within the device; what is read and what is written both count, as STREAM counts."""
    size = device.room(1024 * MIB if device.on_gpu else 64 * MIB, MIB)
    one = torch.randint(0, 256, (size,), dtype=torch.uint8, device=device.device)
    other = torch.empty_like(one)
    seconds = device.best(lambda: other.copy_(one), budget)
    same = bool(torch.equal(one, other))
    answer(
        quantity="device-memory", subject=device.subject, unit="GB/s", rate=2 * size / seconds / 1e9, right=same,
        reason=None if same else "the copy is not what was copied", detail=f"{size // MIB} MiB, read and written",
        **device.about,
    )  # fmt: skip


def device_device(torch: Any, devices: list[Device], budget: float) -> None:
    """Each ordered pair of GPUs; on a processor from it to itself."""
    pairs = [(one, other) for one in devices for other in devices if one is not other or not one.on_gpu]
    for one, other in pairs:
        size = min(one.room(256 * MIB, MIB), other.room(256 * MIB, MIB)) if one.on_gpu else 64 * MIB
        if one.on_gpu:
            torch.cuda.set_device(one.device)
        source = torch.randint(0, 256, (size,), dtype=torch.uint8, device=one.device)
        target = torch.empty(size, dtype=torch.uint8, device=other.device)
        other.wait()
        seconds = one.best(lambda s=source, t=target: t.copy_(s, non_blocking=True), budget / len(pairs))
        one.wait()
        other.wait()
        same = bool(torch.equal(source, target.to(one.device)))
        direct = one.on_gpu and bool(torch.cuda.can_device_access_peer(one.device, other.device))
        way = "peer access" if direct else "no peer access: through the host" if one.on_gpu else "within the RAM"
        answer(
            quantity="device-to-device", subject=f"{one.subject} to {other.subject}", unit="GB/s",
            rate=size / seconds / 1e9, right=same, reason=None if same else "the copy is not what was copied",
            detail=f"{size // MIB} MiB, {way}", gpus=len(devices) if one.on_gpu else None, **one.about,
        )  # fmt: skip
        del source, target


def chosen(torch: Any, wanted: str) -> str:
    """``cuda`` or ``cpu``. Ends the program where GPUs are wanted and torch has none."""
    there = torch.cuda.is_available() and torch.cuda.device_count() > 0
    if wanted == "cpu" or (wanted == "auto" and not there):
        return "cpu"
    if not there:
        cannot(f"torch {torch.__version__} can use no GPU (torch.cuda.is_available() is False)")
    return "cuda"


def main() -> None:
    try:
        import torch  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        cannot(f"torch cannot be imported by {sys.executable}: {error}")
    torch.set_grad_enabled(False)
    name, task, quantity, unit = chosen(torch, SETTINGS["device"]), SETTINGS["task"], SETTINGS["quantity"], "GB/s"
    count = torch.cuda.device_count() if name == "cuda" else 1
    if task == "device_device":
        if name == "cuda" and count < 2:
            cannot("one GPU: there is no other to copy to", NOT_APPLICABLE)
        device_device(torch, [Device(torch, name, number) for number in range(count)], SECONDS)
        return
    work = {"matmul": matmul, "host_device": host_device, "device_memory": device_memory}[task]
    failed = False
    for number in range(count):
        subject = f"GPU {number}" if name == "cuda" else "CPU"
        try:
            work(torch, Device(torch, name, number), SECONDS / count)
        except (RuntimeError, MemoryError) as error:  # torch's error for too little memory is a RuntimeError
            failed = True
            words = (str(error).strip().splitlines() or [type(error).__name__])[0]
            answer(quantity=quantity, subject=subject, unit=unit, reason=f"{type(error).__name__}: {words}"[:300])
        if name == "cuda":
            torch.cuda.empty_cache()
    if failed:
        sys.exit(3)


if __name__ == "__main__":
    main()
