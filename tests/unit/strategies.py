"""Machines and reports as hypothesis makes them: sensible ones to judge, and wild ones to write."""

from __future__ import annotations

from hypothesis import strategies as st

from llmcheck import catalog
from llmcheck.catalog import profiles
from llmcheck.judge.evaluate import evaluate
from llmcheck.schema.machine import (
    Accelerator,
    Cpu,
    Disk,
    Driver,
    Fabric,
    FabricPort,
    Gpu,
    Identity,
    Machine,
    Os,
    Package,
    Pcie,
    Problem,
    Python,
    Ram,
    Software,
    Tool,
    Torch,
)
from llmcheck.schema.report import Finding, ProfileReport, Report, combined, exit_code, verdict_of
from tests.machines_builder import GB

CORRECTIONS = catalog.corrections()
SHIPPED = profiles.shipped()

# --- sensible machines: what the probes may say ---

_memory = st.sampled_from([4, 8, 12, 16, 20, 24, 40, 48, 80, 94, 141, 180, 192]).map(lambda size: size * GB)
_counts = st.none() | st.integers(0, 18)


@st.composite
def gpus(draw: st.DrawFn) -> tuple[Gpu, ...]:
    """Up to four cards, some hidden, broken, unread, integrated or cut into instances."""
    found: list[Gpu] = []
    for index in range(draw(st.integers(0, 4))):
        vendor = draw(st.sampled_from(["nvidia", "nvidia", "nvidia", "amd", "intel"]))
        state = draw(st.sampled_from(["fine", "fine", "fine", "unread", "hidden", "broken", "integrated", "cut"]))
        cut = state == "cut" and vendor == "nvidia"
        found.append(
            Gpu(
                vendor=vendor,
                index=index,
                name=draw(st.sampled_from(["H100", "RTX 4090", None])),
                memory_total=None if state == "unread" else draw(_memory),
                compute_capability=draw(st.sampled_from(["7.0", "8.0", "9.0", "12.0", None])),
                nvlinks=draw(_counts),
                visible=state != "hidden",
                usable=state != "broken",
                fault="gpu-lost" if state == "broken" else None,
                integrated=state == "integrated",
                mig_mode=cut or None,
            )
        )
        if cut:
            found += [
                Gpu(vendor="nvidia", index=number, parent=index, memory_total=draw(_memory), nvlinks=0)
                for number in range(draw(st.integers(0, 3)))
            ]
    return tuple(found)


@st.composite
def machines(draw: st.DrawFn) -> Machine:
    """A machine as an inspection may find it."""
    cards = draw(gpus())
    total = draw(st.sampled_from([8, 16, 32, 64, 128, 1000]).map(lambda size: size * GB))
    limit = draw(st.none() | st.sampled_from([4, 16, 64]).map(lambda size: size * GB))
    names = ["torch", "transformers", "accelerate", "deepspeed", "peft", "vllm", "langchain", "llama-index-core"]
    installed = draw(st.lists(st.sampled_from(names), unique=True))
    there = draw(st.sets(st.sampled_from(["llama-cli", "text-generation-launcher", "docker"])))
    ports = draw(
        st.lists(
            st.builds(
                FabricPort,
                device=st.sampled_from(["mlx5_0", "mlx5_1"]),
                port=st.just(1),
                link_layer=st.sampled_from(["InfiniBand", "Ethernet"]),
                active=st.booleans(),
                rate_gbps=st.sampled_from([200.0, 400.0]),
            ),
            max_size=3,
        )
    )
    return Machine(
        cpu=Cpu(threads=8, threads_usable=8),
        ram=Ram(total=total, limit=limit, limit_source="cgroup" if limit else None, usable=min(total, limit or total)),
        disks=(
            Disk(
                role="models",
                path="/srv",
                mount_point="/srv",
                kind=draw(st.sampled_from(["nvme", "ssd", "hdd", "network", "memory", "unknown"])),
                size=10**14,
                free=draw(st.sampled_from([1, 50, 100, 200, 500, 1000]).map(lambda size: size * GB)),
                read_only=draw(st.booleans()),
            ),
        ),
        gpus=cards,
        drivers={
            vendor: Driver(version=draw(st.sampled_from(["470.1", "535.1", "575.1", "580.1"])))
            for vendor in dict.fromkeys(card.vendor for card in cards if card.vendor != "intel")
        },
        fabric=Fabric(ports=tuple(ports)),
        software=Software(
            python=Python(executable="/env/bin/python", version="3.12.1", environment="venv"),
            packages=tuple(Package(name=name, version="9.9") for name in installed),
            tools=tuple(
                Tool(name=name, path=f"/usr/bin/{name}" if name in there else None)
                for name in ("llama-cli", "llama-server", "text-generation-launcher", "docker", "git")
            ),
        ),
    )


# --- wild values: whatever a file may hold ---

_CONTROL = "\x1b[31m\x1b]0;pwned\x07\x00\x08\r\n\t\x7f\x9b\u202e\u2066\u200f\u2028"
_plain = st.text(st.characters(exclude_categories=["Cs"]), max_size=25)
text = (
    _plain
    | st.text(st.sampled_from(list(_CONTROL + "|`*_#<>[]\\-é×✓中🎉")), max_size=12)
    | st.just("NVIDIA H100 80GB HBM3")
)
_maybe_text = st.none() | text
_size = st.none() | st.integers(1, 2**60)
_small = st.none() | st.integers(0, 512)
_switch = st.none() | st.booleans()
_status = st.sampled_from(["pass", "warn", "fail", "unknown", "skipped"])

wild_gpus = st.builds(
    Gpu,
    vendor=st.sampled_from(["nvidia", "amd", "intel", "apple"]) | text,
    index=_small,
    name=_maybe_text,
    memory_total=_size,
    memory_used=_size,
    memory_free=st.none() | st.integers(0, 2**60),
    compute_capability=_maybe_text,
    visible=st.booleans(),
    usable=_switch,
    fault=_maybe_text,
    integrated=st.booleans(),
    unified=st.booleans(),
    pci_bus_id=_maybe_text,
    pcie=st.none() | st.builds(Pcie, generation=_small, width=_small, max_generation=_small, max_width=_small),
    nvlinks=_small,
    mig_mode=_switch,
    parent=_small,
)
wild_machines = st.builds(
    Machine,
    llmcheck=_maybe_text,
    collected_at=_maybe_text,
    identity=st.builds(Identity, hostname=_maybe_text, gpu_uuids=st.lists(text, max_size=2).map(tuple)),
    os=st.none()
    | st.builds(
        Os,
        system=text,
        architecture=text,
        distribution=_maybe_text,
        version=_maybe_text,
        libc=_maybe_text,
        container=_maybe_text,
        wsl=st.none() | st.sampled_from([1, 2]),
        notebook=_maybe_text,
    ),
    cpu=st.builds(
        Cpu,
        model=_maybe_text,
        cores=_small,
        threads=_small,
        threads_affinity=_small,
        quota=st.none() | st.floats(0.1, 64),
        quota_source=_maybe_text,
        threads_usable=_small,
    ),
    ram=st.builds(Ram, total=_size, available=_size, limit=_size, limit_source=_maybe_text, usable=_size),
    disks=st.none()
    | st.lists(
        st.builds(
            Disk,
            role=st.sampled_from(["models", "work", "path"]),
            path=text,
            mount_point=_maybe_text,
            filesystem=_maybe_text,
            kind=st.sampled_from(["nvme", "ssd", "hdd", "network", "memory", "unknown"]),
            kind_source=_maybe_text,
            size=_size,
            free=st.none() | st.integers(0, 2**60),
            read_only=_switch,
        ),
        max_size=3,
    ).map(tuple),
    gpus=st.none() | st.lists(wild_gpus, max_size=4).map(tuple),
    drivers=st.dictionaries(
        st.sampled_from(["nvidia", "amd"]) | text,
        st.builds(Driver, version=_maybe_text, cuda_version=_maybe_text, fault=_maybe_text),
        max_size=2,
    ),
    accelerators=st.lists(st.builds(Accelerator, kind=text, name=text, count=st.integers(1, 8)), max_size=2).map(tuple),
    fabric=st.builds(
        Fabric,
        ports=st.none()
        | st.lists(
            st.builds(
                FabricPort,
                device=text,
                port=st.integers(1, 2),
                link_layer=_maybe_text,
                active=_switch,
                rate_gbps=st.none() | st.floats(0, 1000),
            ),
            max_size=3,
        ).map(tuple),
    ),
    software=st.builds(
        Software,
        python=st.none() | st.builds(Python, executable=text, version=_maybe_text, reason=text),
        packages=st.none() | st.lists(st.builds(Package, name=text, version=text), max_size=3).map(tuple),
        torch=st.none() | st.builds(Torch, version=_maybe_text, build=_maybe_text),
        tools=st.none() | st.lists(st.builds(Tool, name=text, path=_maybe_text), max_size=3).map(tuple),
    ),
    problems=st.lists(st.builds(Problem, probe=text, code=text, message=text, remedy=_maybe_text), max_size=3).map(
        tuple
    ),
)
wild_findings = st.builds(
    Finding,
    id=text,
    kind=st.sampled_from(["driver", "gpu", "ram", "disk", "package", "network", "interconnect", "tool"]) | text,
    group=st.sampled_from(["hardware", "software"]),
    level=st.sampled_from(["required", "recommended", "info"]),
    status=_status,
    skipped=st.none() | st.sampled_from(["not-applicable", "left-out", "not-stated", "blocked", "cluster"]),
    blocked_by=_maybe_text,
    needed=text,
    found=_maybe_text,
    short_by=_maybe_text,
    message=text,
    remedy=_maybe_text,
    why=_maybe_text,
    source=_maybe_text,
    libraries=st.lists(text, max_size=2).map(tuple),
    cluster=st.booleans(),
)


@st.composite
def wild_reports(draw: st.DrawFn) -> Report:
    """A report whose verdict follows from its findings and whose words may be anything."""
    judged = []
    for _ in range(draw(st.integers(0, 2))):
        found = tuple(draw(st.lists(wild_findings, max_size=5)))
        judged.append(
            ProfileReport(
                id=draw(text),
                title=draw(text),
                task="general",
                verdict=verdict_of(found),
                hardware=draw(st.sampled_from([None, "ready", "not-ready", "undetermined"])),
                software=draw(st.sampled_from([None, "ready", "not-ready", "undetermined"])),
                findings=found,
                corrections=tuple(draw(st.lists(st.sampled_from(CORRECTIONS), max_size=1))),
            )
        )
    judged.append(evaluate(draw(st.sampled_from(SHIPPED)), draw(wild_machines), CORRECTIONS))
    informs = draw(st.booleans())
    return Report(
        llmcheck=draw(text),
        created_at=draw(text),
        verdict=None if informs else combined(each.verdict for each in judged),
        exit_code=0 if informs else exit_code(judged),
        profiles=tuple(judged),
        machine=draw(wild_machines),
    )
