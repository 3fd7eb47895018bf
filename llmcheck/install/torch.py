"""Which build of PyTorch works on a machine: the newest whose every test holds for all visible cards together."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.gpus import vendors
from llmcheck.gpus.cuda import cuda_of, min_driver, min_driver_version, numbers
from llmcheck.gpus.torch_support import plain, runs_on
from llmcheck.install.specifiers import bounded, excluded
from llmcheck.schema.advice import Decision, TorchBuild
from llmcheck.schema.machine import Gpu, Machine, capability_of, counted_gpus
from llmcheck.tables.torch_wheel import CudaDriver, TorchWheel

_INDEX = "https://download.pytorch.org/whl/"
# NVIDIA's own wheels for JetPack 6 (Orin); the wheels of servers do not fit its system.
_JETSON_INDEX = "https://pypi.jetson-ai-lab.io/jp6/cu126"
_OLDEST_CAPABILITY = (5, 0)
_HIDES = {"nvidia": "CUDA_VISIBLE_DEVICES", "amd": "ROCR_VISIBLE_DEVICES or HIP_VISIBLE_DEVICES"}
_TAGS = {"nvidia": "cu", "amd": "rocm", "intel": "xpu"}


def torch_build(
    machine: Machine,
    wheels: Sequence[TorchWheel],
    drivers: Sequence[CudaDriver],
    backend: str | None = None,
    python: str | None = None,
    specifier: str = "",
) -> TorchBuild:
    """The build to install; the CPU build where no card can be used, with the reason why none can.

    ``backend``: what UV_TORCH_BACKEND says, taken where it can work. ``python``: the version of the Python that it is
    for; None is the judged one. ``specifier``: the releases that are asked for (PEP 440); where none of them can use
    the cards that another can, there is none. What is not known of the machine limits nothing, and the reasons say so.
    """
    found = _Chooser(machine, wheels, drivers, backend, python, specifier).build()
    if not specifier or (found.tag != "cpu" and found.none is None):
        return found
    free = _Chooser(machine, wheels, drivers, backend, python).build()
    if free.tag == found.tag and found.none is None:
        return found
    return _with(free, none=free.none or f"torch {specifier} is asked for, and this machine gets {free.requirement}")


def index_of(tag: str) -> str:
    """The package index of one build."""
    return _JETSON_INDEX if tag == "jetson" else f"{_INDEX}{tag}"


class _Chooser:
    def __init__(
        self,
        machine: Machine,
        wheels: Sequence[TorchWheel],
        drivers: Sequence[CudaDriver],
        backend: str | None,
        python: str | None,
        specifier: str = "",
    ) -> None:
        self.machine, self.drivers, self.backend, self.specifier = machine, drivers, backend, specifier
        self.system = machine.os.system if machine.os else "linux"
        self.architecture = plain(machine.os.architecture if machine.os else "x86_64")
        judged = machine.software.python
        self.python = python or (judged.version if judged else None)
        driver = machine.drivers.get("nvidia")
        self.driver = driver.version if driver and driver.version and numbers(driver.version) else None
        self.fault = driver.fault if driver else None
        self.gpus = [gpu for gpu in counted_gpus(machine) if not (gpu.integrated and gpu.vendor == "amd")]
        known = [
            wheel
            for wheel in wheels
            if wheel.verified and self.system in wheel.systems and wheel.architecture == self.architecture
        ]
        self.wheels = [wheel for wheel in known if _admits(wheel, specifier, known)]
        self.decisions: list[Decision] = []

    def build(self) -> TorchBuild:
        ours = self._ours()
        if self.backend is None:
            return ours
        if self.backend == "auto":
            return self._beside_auto(ours)
        return self._respected(ours, self.backend)

    def _ours(self) -> TorchBuild:
        if self.system == "darwin":
            return self._mac()
        nvidia = self._of("nvidia")
        if nvidia:
            return self._jetson(nvidia) if self._is_jetson(nvidia) else self._nvidia(nvidia)
        if self.fault:
            return self._for_a_silent_driver()
        if self._of("amd"):
            return self._amd(self._of("amd"))
        if self._of("intel"):
            return self._intel(self._of("intel"))
        self._decide("which GPUs are visible and usable?", "none")
        hidden = [gpu for gpu in self.machine.gpus or () if not gpu.visible and not gpu.integrated]
        if hidden:
            variables = _HIDES.get(hidden[0].vendor, "an environment variable")
            return self._cpu(f"every GPU here is hidden by {variables}: until that is unset only the CPU is used")
        return self._cpu("no GPU that PyTorch could use: the CPU build saves about 3 GB of CUDA libraries")

    def _advised(self, kind: str) -> list[TorchWheel]:
        """The builds of one kind that are advised; where a version is asked for all, those of that version first."""
        rows = [wheel for wheel in self.wheels if wheel.tag.startswith(kind)]
        if not self.specifier:
            return [wheel for wheel in rows if wheel.advised]
        return sorted(rows, key=lambda wheel: excluded(wheel.release, self.specifier))

    def _of(self, vendor: str) -> list[Gpu]:
        return [gpu for gpu in self.gpus if gpu.vendor == vendor]

    def _nvidia(self, gpus: list[Gpu]) -> TorchBuild:
        known = sorted({capability for gpu in gpus if (capability := capability_of(gpu))})
        facts = self._facts(gpus, known)
        candidates = self._advised("cu")
        best, passed = None, None
        for wheel in candidates:
            against = self._against(wheel, gpus)
            if against is None and passed is None:
                passed = wheel
            elif passed is None and best is None and self._holds(wheel, gpus) and self._fits_system(wheel) is None:
                best = wheel  # only the driver speaks against it
            if passed is not None:
                break
        if passed is not None:
            among = f" among torch {self.specifier}" if self.specifier else ""
            reasons = [f"{facts}: {passed.tag} is the newest build for both{among}"]
            return _with(self._published(passed, reasons), **self._with_newer_driver(best, gpus))
        found = self._cpu(*self._why_none(candidates, gpus, known, best))
        return _with(found, driver=self._least(best, gpus)) if best is not None else found

    def _why_none(
        self, candidates: list[TorchWheel], gpus: list[Gpu], known: Sequence[tuple[int, ...]], best: TorchWheel | None
    ) -> list[str]:
        cards = f"compute capability {_spread(known)}"
        if best is not None:
            least = self._least(best, gpus)
            return [
                f"driver {self.driver} is too old for {cards}: update it to {least} or newer, then ask again; "
                "until then only the CPU build runs"
            ]
        if not candidates:
            return [f"no CUDA build of PyTorch is published for {self.system} on {self.architecture}"]
        against = [self._fits_system(wheel) for wheel in candidates]
        if all(against):
            return [f"no CUDA build of PyTorch can be installed here: {against[0]}"]
        if known and known[0] < _OLDEST_CAPABILITY:
            return [f"{cards} is older than any build that can still be had"]
        return [f"no build holds {cards} together: hide the cards of one kind with CUDA_VISIBLE_DEVICES and ask again"]

    def _facts(self, gpus: list[Gpu], known: Sequence[tuple[int, ...]]) -> str:
        cards = f"compute capability {_spread(known)}" if known else "compute capability unknown"
        self._decide("which NVIDIA GPUs are visible and usable?", ", ".join(gpu.name or "GPU" for gpu in gpus))
        self._decide("which compute capabilities do they have?", _spread(known) if known else "unknown")
        self._decide("which driver is loaded?", self.driver or "unknown")
        assumed = " (assumed to be current)"
        if known and any(capability_of(gpu) is None for gpu in gpus):
            cards += ", of some unknown"
        driver = self.driver or f"unknown{assumed}"
        return f"driver {driver}, {cards}" + (assumed if cards.endswith("unknown") else "")

    def _against(self, wheel: TorchWheel, gpus: list[Gpu]) -> str | None:
        """Why a build does not work here; None if nothing speaks against it. Each answer is kept."""
        against = self._fits_system(wheel)
        if against is None and not self._holds(wheel, gpus):
            against = f"it holds code for {_ranges(wheel.code)} only"
        source = f"{wheel.source} ({wheel.as_of})"
        if against is None:
            cuda = cuda_of(wheel.tag)
            floor = min_driver(cuda, gpus, self.drivers) if cuda else None
            if floor is not None and self.driver is not None:
                least = min_driver_version(floor, self.system)
                if numbers(self.driver) < numbers(least):
                    against = f"CUDA {floor.cuda} needs driver {least} or newer"
                    source = f"{floor.source} ({floor.as_of})"
        self._decide(f"does torch {wheel.torch} ({wheel.tag}) work?", f"no: {against}" if against else "yes", source)
        return against

    def _fits_system(self, wheel: TorchWheel) -> str | None:
        if self.python and numbers(self.python)[:2] < numbers(wheel.python_min):
            return f"torch {wheel.torch} needs Python {wheel.python_min} or newer, this is {self.python}"
        if self.python and wheel.python_below and numbers(self.python)[:2] >= numbers(wheel.python_below):
            return f"torch {wheel.torch} needs Python below {wheel.python_below}, this is {self.python}"
        libc = (self.machine.os.libc if self.machine.os else None) or ""
        if libc.startswith("musl"):
            return "PyTorch's wheels are built for glibc, and this system has musl"
        if wheel.glibc_min and libc.startswith("glibc") and numbers(libc) < numbers(wheel.glibc_min):
            return f"torch {wheel.torch} needs glibc {wheel.glibc_min}, this is {libc}"
        version = numbers((self.machine.os.version if self.machine.os else None) or "")
        if wheel.macos_min and version and version[0] < wheel.macos_min:
            return f"torch {wheel.torch} needs macOS {wheel.macos_min}"
        return None

    def _holds(self, wheel: TorchWheel, gpus: list[Gpu]) -> bool:
        return all(runs_on(wheel, gpu) for gpu in gpus)

    def _least(self, wheel: TorchWheel, gpus: list[Gpu]) -> str:
        cuda = cuda_of(wheel.tag)
        floor = min_driver(cuda, gpus, self.drivers) if cuda else None
        return min_driver_version(floor, self.system) if floor else "newer"

    def _with_newer_driver(self, best: TorchWheel | None, gpus: list[Gpu]) -> dict[str, str]:
        if best is None:
            return {}
        least = self._least(best, gpus)
        remedy = f"with driver {least} or newer, torch {best.torch} ({best.tag}) works"
        return {"driver": least, "remedy": remedy}

    def _is_jetson(self, gpus: list[Gpu]) -> bool:
        return self.architecture == "aarch64" and any(vendors.of(gpu).is_embedded(gpu) for gpu in gpus)

    def _jetson(self, gpus: list[Gpu]) -> TorchBuild:
        wheel = next((each for each in self.wheels if each.tag == "jetson"), None)
        if wheel is not None and self._against(wheel, gpus) is None:
            return self._published(wheel, ["Jetson Orin: NVIDIA's own wheels for JetPack 6 and its Python 3.10"])
        if wheel is not None and self._holds(wheel, gpus):
            why = self._fits_system(wheel)
            return self._cpu(
                f"Jetson Orin: {why}; NVIDIA's wheels for JetPack 6 at {_JETSON_INDEX} are for Python 3.10, which "
                "'uv python install 3.10' brings"
            )
        return self._cpu(
            "this Jetson is older than Orin: its torch comes with JetPack from NVIDIA's downloads; no index holds a "
            "current one, and the wheels of servers do not run on it"
        )

    def _for_a_silent_driver(self) -> TorchBuild:
        reason = f"the NVIDIA driver does not answer ({self.fault}): mend it first; then driver 580 or newer fits"
        wheel = next((each for each in self._advised("cu") if self._fits_system(each) is None), None)
        self._decide("does the NVIDIA driver answer?", f"no: {self.fault}")
        return self._published(wheel, [reason]) if wheel else self._cpu(reason)

    def _amd(self, gpus: list[Gpu]) -> TorchBuild:
        names = ", ".join(sorted({gpu.gfx or "an unknown gfx" for gpu in gpus}))
        self._decide("which AMD GPUs are visible and usable?", names)
        if self.system != "linux":
            return self._cpu(
                "AMD GPU on Windows: AMD's own wheels are at https://repo.amd.com/rocm/whl/, for Python 3.12"
            )
        for wheel in self._advised("rocm"):
            if self._against(wheel, gpus) is None:
                rocm = wheel.tag.replace("rocm", "ROCm ")
                reason = f"AMD GPU ({names}): the {rocm} build, published for torch {wheel.torch}"
                unknown = any(gpu.gfx is None for gpu in gpus)
                return self._published(
                    wheel, [reason + ("; assumed to be one that it holds code for" if unknown else "")]
                )
        return self._cpu(
            f"AMD GPU ({names}): no ROCm build that is known to be published holds code for it; "
            "HSA_OVERRIDE_GFX_VERSION makes some such cards answer to another name, unsupported and with hangs reported"
        )

    def _intel(self, gpus: list[Gpu]) -> TorchBuild:
        discrete = [gpu for gpu in gpus if not gpu.integrated] or gpus
        wheel = next((each for each in self.wheels if each.tag == "xpu" and self._against(each, []) is None), None)
        if wheel is None:
            return self._cpu(f"Intel GPU: no XPU build is published for {self.system} on {self.architecture}")
        return self._published(wheel, [f"Intel GPU ({discrete[0].name or 'unnamed'}): the XPU build"])

    def _mac(self) -> TorchBuild:
        """PyPI's wheel drives the GPU of Apple silicon; older systems stop at older releases."""
        for wheel in self._advised(""):
            if self._against(wheel, []) is None:
                newest = wheel is self.wheels[0]
                version = (self.machine.os.version if self.machine.os else None) or "of this version"
                reason = f"the last release for macOS {version} and this Python" if not newest else ""
                if self.architecture == "x86_64":
                    reason = "the last release for Intel Macs, for Python up to 3.12"
                return self._published(wheel, [reason or "macOS: the PyPI wheel drives the GPU"])
        against = next((self._fits_system(wheel) for wheel in self.wheels), "none is published for it")
        return TorchBuild(
            tag="mps",
            index_url=None,
            requirement=self.wheels[0].requirement if self.wheels else "torch",
            reasons=(f"no release of PyTorch for this Mac: {against}",),
            none=against,
            decisions=tuple(self.decisions),
            backend=self.backend,
        )

    def _cpu(self, *reasons: str) -> TorchBuild:
        candidates = [wheel for wheel in self.wheels if wheel.tag == "cpu"]
        wheel = next((each for each in candidates if self._against(each, []) is None), None)
        if wheel is not None:
            return self._published(wheel, list(reasons))
        against = next((self._fits_system(each) for each in candidates), f"none is published for {self.architecture}")
        return TorchBuild(
            tag="cpu",
            index_url=index_of("cpu"),
            requirement=candidates[0].requirement if candidates else "torch>=2.14",
            reasons=(*reasons, f"no release of PyTorch can be installed here: {against}"),
            none=against,
            decisions=tuple(self.decisions),
            backend=self.backend,
        )

    def _published(self, wheel: TorchWheel, reasons: list[str]) -> TorchBuild:
        return TorchBuild(
            tag=wheel.tag,
            index_url=None if self.system in wheel.on_pypi else index_of(wheel.tag),
            requirement=bounded(wheel.requirement, self.specifier),
            reasons=tuple(reasons),
            decisions=tuple(self.decisions),
            backend=self.backend,
        )

    def _decide(self, question: str, answer: str, source: str | None = None) -> None:
        decision = Decision(question=question, answer=answer, source=source)
        if decision not in self.decisions:
            self.decisions.append(decision)

    def _respected(self, ours: TorchBuild, tag: str) -> TorchBuild:
        """The named build, where the same tests hold for it; else ours, and why theirs cannot work."""
        variable = f"UV_TORCH_BACKEND={tag}"
        if tag == ours.tag:
            return _because(ours, f"{variable} asks for the same")
        of_tag = [wheel for wheel in self.wheels if wheel.tag == tag]
        vendor = next((name for name, prefix in _TAGS.items() if tag.startswith(prefix)), None)
        if not of_tag:
            return _because(
                ours, f"{variable} is passed over: no such build is known for {self.system} on {self.architecture}"
            )
        gpus = self._of(vendor) if vendor else []
        if vendor and not gpus:
            return _because(
                ours,
                f"{variable} is passed over: no {vendor.upper() if vendor == 'amd' else vendor} GPU can be used here",
            )
        for wheel in of_tag:
            against = self._against(wheel, gpus)
            if against is None:
                here = f"; this machine could have {ours.tag}" if ours.tag != "cpu" else ""
                return self._published(wheel, [f"{variable} asks for it, and it works here{here}"])
        return _because(ours, f"{variable} is passed over: {against}")

    def _beside_auto(self, ours: TorchBuild) -> TorchBuild:
        """uv's own choice looks at the driver and never at the card (crates/uv-torch, backend.rs, 2026-08-21)."""
        nvidia = self._of("nvidia")
        newest = next((each for each in self.wheels if cuda_of(each.tag)), None)
        if not nvidia or newest is None or self.driver is None or self._holds(newest, nvidia):
            return _because(ours, "UV_TORCH_BACKEND=auto: uv chooses by the driver alone")
        if numbers(self.driver) < numbers(self._least(newest, nvidia)):
            return _because(ours, "UV_TORCH_BACKEND=auto: uv chooses by the driver alone")
        return _because(
            ours,
            f"UV_TORCH_BACKEND=auto would take a CUDA {newest.tag[2:4]} build, for uv looks at the driver alone: "
            "that build has no kernels for these cards",
        )


def _admits(wheel: TorchWheel, specifier: str, known: Sequence[TorchWheel]) -> bool:
    """Whether what is asked can be had of an index: a release of this build that is known, or is named and in range."""
    if not specifier:
        return True
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    held, asked = Requirement(wheel.requirement).specifier, SpecifierSet(specifier)
    releases = {Version(each.release) for each in known if each.tag == wheel.tag}
    named = {Version(each.version) for each in asked if each.operator == "==" and not each.version.endswith(".*")}
    if held.contains("9999"):  # newer ones than the table knows may be there
        named |= {Version(each.version) for each in asked if each.operator == ">="}
    return any(held.contains(each) and asked.contains(each, prereleases=True) for each in releases | named)


def _with(build: TorchBuild, **changes: object) -> TorchBuild:
    import msgspec

    return msgspec.structs.replace(build, **changes)


def _because(build: TorchBuild, reason: str) -> TorchBuild:
    return _with(build, reasons=(*build.reasons, reason))


def _spread(capabilities: Sequence[tuple[int, ...]]) -> str:
    low, high = (".".join(map(str, each)) for each in (capabilities[0], capabilities[-1]))
    return low if low == high else f"{low} to {high}"


def _ranges(code: Sequence[str]) -> str:
    return f"{code[0]} to {code[-1]}" if code and "." in code[0] else ", ".join(code) or "no GPU"
