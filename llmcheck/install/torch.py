"""Chooses the build of PyTorch for a machine: the newest that passes every test for all visible GPUs."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.gpus import vendors
from llmcheck.gpus.cuda import cuda_of, min_driver, min_driver_version
from llmcheck.gpus.torch_support import planned_gpus, runs_on, vendor_of
from llmcheck.gpus.unusable import driver_fault, unusable_card
from llmcheck.gpus.vendors import Vendor
from llmcheck.install.incompatibility import python_of
from llmcheck.install.specifiers import bounded, excluded
from llmcheck.install.torch_system import arch_range, older_jetpack, range_of, system_problem
from llmcheck.install.wheels import architecture_of, index_of, index_of_wheel, published_for, system_of, why_cpu
from llmcheck.schema.advice import Decision, TorchBuild
from llmcheck.schema.machine import Gpu, Machine, capability_of, version_numbers
from llmcheck.tables.torch_wheel import CudaDriver, TorchWheel


def torch_build(
    machine: Machine,
    wheels: Sequence[TorchWheel],
    drivers: Sequence[CudaDriver],
    python: str | None = None,
    specifier: str = "",
) -> TorchBuild:
    """The build to install. If no GPU can be used, it is the CPU build, with the reason.

    ``python``: the Python version; None: the judged one. ``specifier``: the accepted releases (PEP 440); if other
    releases could use the GPUs and these cannot, ``none`` says so. A build that UV_TORCH_BACKEND names
    on that machine is chosen if it works there. An unknown fact excludes no build, and the reasons mention it.
    """
    found = _Chooser(machine, wheels, drivers, python, specifier).build()
    if not specifier or (found.tag != "cpu" and found.none is None):
        return found
    free = _Chooser(machine, wheels, drivers, python).build()
    if free.tag == found.tag and found.none is None:
        return found
    return _with(free, none=free.none or f"torch {specifier} is required, but this machine gets {free.requirement}")


class _Chooser:
    """The facts of the machine, and the decisions so far."""

    def __init__(
        self,
        machine: Machine,
        wheels: Sequence[TorchWheel],
        drivers: Sequence[CudaDriver],
        python: str | None,
        specifier: str = "",
    ) -> None:
        self.machine, self.drivers, self.specifier = machine, drivers, specifier
        self.backend = machine.software.torch_backend
        self.system, self.architecture = system_of(machine), architecture_of(machine)
        self.python = python or python_of(machine)
        driver = vendors.driver_of(machine, "cuda")
        self.driver = driver.version if driver and driver.version and version_numbers(driver.version) else None
        self.fault = driver_fault(machine)
        self.gpus = planned_gpus(machine)
        known = [wheel for wheel in published_for(machine, wheels) if wheel.verified]
        self.wheels = [wheel for wheel in known if _allows(wheel, specifier, known)]
        self.decisions: list[Decision] = []

    def build(self) -> TorchBuild:
        ours = self._automatic()
        if self.backend is None:
            return ours
        if self.backend == "auto":
            return self._compared_with_uv(ours)
        return self._named_by_user(ours, self.backend)

    def _automatic(self) -> TorchBuild:
        if self.system == "darwin":
            return self._for_mac()
        supported = [vendor for vendor in map(vendors.of, self.gpus) if vendor.torch is not None]
        vendor = min(supported, key=lambda each: each.torch.rank if each.torch else 0, default=None)
        if vendor is not None and vendor.platform == "cuda":
            gpus = self._of(vendor)
            embedded = self._embedded(gpus)
            return self._for_jetson(embedded) if embedded else self._for_cuda(gpus)
        if self.fault:
            return self._without_driver()
        broken = None if vendor is not None else unusable_card(self.machine)
        if broken is not None:
            return self._with_broken_card(broken)
        if vendor is not None and vendor.torch is not None:
            return self._with_kernels(vendor) if vendor.torch.has_kernels else self._without_kernels(vendor)
        own = next((each for each in map(vendors.of, self.gpus) if each.torch_from), None)
        if own is not None:
            return self._from_its_maker(own)
        self._decide("which GPUs are visible and usable?", "unknown" if self.machine.gpus is None else "none")
        hidden = [gpu for gpu in self.machine.gpus or () if not gpu.visible and not gpu.integrated]
        if hidden:
            variables = " or ".join(vendors.of(hidden[0]).hidden_by) or "an environment variable"
            return self._cpu(f"every GPU here is hidden by {variables}: until that is unset only the CPU is used")
        return self._cpu(why_cpu(self.machine))

    def _advised(self, prefix: str) -> list[TorchWheel]:
        """The advised builds with this tag prefix; with a specifier all builds, those that satisfy it first."""
        rows = [wheel for wheel in self.wheels if wheel.tag.startswith(prefix)]
        if not self.specifier:
            return [wheel for wheel in rows if wheel.advised]
        return sorted(rows, key=lambda wheel: excluded(wheel.release, self.specifier))

    def _of(self, vendor: Vendor) -> list[Gpu]:
        return [gpu for gpu in self.gpus if vendors.of(gpu) == vendor]

    def _for_cuda(self, gpus: list[Gpu]) -> TorchBuild:
        known = sorted({capability for gpu in gpus if (capability := capability_of(gpu))})
        facts = self._facts(gpus, known)
        candidates = self._advised("cu")
        best, passed = None, None
        for wheel in candidates:
            problem = self._problem(wheel, gpus)
            if problem is None and passed is None:
                passed = wheel
            elif (
                passed is None
                and best is None
                and self._has_kernels_for(wheel, gpus)
                and self._system_problem(wheel) is None
            ):
                best = wheel  # only the driver is too old for it
            if passed is not None:
                break
        if passed is not None:
            among = f" among torch {self.specifier}" if self.specifier else ""
            reasons = [f"{facts}: {passed.tag} is the newest build for both{among}"]
            return _with(self._published(passed, reasons), **self._with_newer_driver(best, gpus))
        found = self._cpu(*self._why_no_cuda_build(candidates, gpus, known, best))
        return _with(found, driver=self._min_driver(best, gpus)) if best is not None else found

    def _why_no_cuda_build(
        self, candidates: list[TorchWheel], gpus: list[Gpu], known: Sequence[tuple[int, ...]], best: TorchWheel | None
    ) -> list[str]:
        cards = f"compute capability {range_of(known)}"
        if best is not None:
            minimum = self._min_driver(best, gpus)
            return [
                f"driver {self.driver} is too old for {cards}: update it to {minimum} or newer, then run llmcheck "
                "again; until then only the CPU build runs"
            ]
        if not candidates:
            return [f"no CUDA build of PyTorch is published for {self.system} on {self.architecture}"]
        problems = [self._system_problem(wheel) for wheel in candidates]
        if all(problems):
            return [f"no CUDA build of PyTorch can be installed here: {problems[0]}"]
        oldest = min((version_numbers(arch) for wheel in candidates for arch in wheel.gpu_archs), default=())
        if known and known[0] < oldest:
            return [f"{cards} is older than any published build supports"]
        return [f"no build has kernels for {cards} together: hide the GPUs of one kind with CUDA_VISIBLE_DEVICES"]

    def _facts(self, gpus: list[Gpu], known: Sequence[tuple[int, ...]]) -> str:
        cards = f"compute capability {range_of(known)}"
        self._decide("which NVIDIA GPUs are visible and usable?", ", ".join(gpu.name or "GPU" for gpu in gpus))
        self._decide("which compute capabilities do they have?", range_of(known))
        self._decide("which driver is loaded?", self.driver or "unknown")
        assumed = " (assumed to be current)"
        some_unknown = any(capability_of(gpu) is None for gpu in gpus)
        if known and some_unknown:
            cards += ", some unknown"
        driver = self.driver or f"unknown{assumed}"
        return f"driver {driver}, {cards}" + (assumed if some_unknown else "")

    def _problem(self, wheel: TorchWheel, gpus: list[Gpu]) -> str | None:
        """Why a build does not work here; None if no reason is known. Records the decision."""
        problem = self._system_problem(wheel)
        if problem is None and not self._has_kernels_for(wheel, gpus):
            problem = f"it has kernels for {arch_range(wheel.gpu_archs)} only"
        source = f"{wheel.source} ({wheel.as_of})"
        if problem is None:
            cuda = cuda_of(wheel.tag)
            oldest_driver = min_driver(cuda, gpus, self.drivers) if cuda else None
            if oldest_driver is not None and self.driver is not None:
                minimum = min_driver_version(oldest_driver, self.system)
                if version_numbers(self.driver) < version_numbers(minimum):
                    problem = f"CUDA {oldest_driver.cuda} needs driver {minimum} or newer"
                    source = f"{oldest_driver.source} ({oldest_driver.as_of})"
        answer = f"no: {problem}" if problem else "yes"
        self._decide(f"does torch {wheel.torch} ({wheel.tag}) work?", answer, source, passed=problem is None)
        return problem

    def _system_problem(self, wheel: TorchWheel) -> str | None:
        return system_problem(wheel, self.machine, self.python)

    def _has_kernels_for(self, wheel: TorchWheel, gpus: list[Gpu]) -> bool:
        return all(runs_on(wheel, gpu) for gpu in gpus)

    def _min_driver(self, wheel: TorchWheel, gpus: list[Gpu]) -> str:
        cuda = cuda_of(wheel.tag)
        oldest_driver = min_driver(cuda, gpus, self.drivers) if cuda else None
        return min_driver_version(oldest_driver, self.system) if oldest_driver else "newer"

    def _is_too_old(self, wheel: TorchWheel, gpus: list[Gpu]) -> bool:
        """Whether the driver is older than a build needs; an unknown driver is not."""
        return self.driver is not None and version_numbers(self.driver) < version_numbers(self._min_driver(wheel, gpus))

    def _with_newer_driver(self, best: TorchWheel | None, gpus: list[Gpu]) -> dict[str, str]:
        if best is None:
            return {}
        minimum = self._min_driver(best, gpus)
        return {"driver": minimum, "remedy": f"with driver {minimum} or newer, torch {best.torch} ({best.tag}) works"}

    def _embedded(self, gpus: list[Gpu]) -> list[Gpu]:
        """A Jetson's own GPUs. One is enough: JetPack's driver runs no wheel of servers, whatever card is beside it."""
        return [gpu for gpu in gpus if self.architecture == "aarch64" and vendors.of(gpu).is_embedded(gpu)]

    def _for_jetson(self, gpus: list[Gpu]) -> TorchBuild:
        wheel = next((each for each in self.wheels if each.tag == "jetson"), None)
        older = older_jetpack(self.machine)
        if older is not None and wheel is not None:
            return self._cpu(
                f"{older}: the wheels at {index_of_wheel(wheel, self.system)} are for JetPack 6; NVIDIA's container "
                "images for it (l4t-pytorch, jetson-containers) have a torch, or update to JetPack 6"
            )
        if wheel is not None and self._problem(wheel, gpus) is None:
            return self._published(wheel, [f"Jetson Orin: wheels for its JetPack and Python {wheel.python_min}"])
        if wheel is not None and self._has_kernels_for(wheel, gpus):
            why = self._system_problem(wheel)
            return self._cpu(
                f"Jetson Orin: {why}; its wheels at {index_of_wheel(wheel, self.system)} are for Python "
                f"{wheel.python_min}, which 'uv python install {wheel.python_min}' installs"
            )
        return self._cpu(
            "this Jetson is older than Orin: its torch comes with JetPack from NVIDIA's downloads; no index has a "
            "current one, and wheels for servers do not run on it"
        )

    def _without_driver(self) -> TorchBuild:
        wheel = next((each for each in self._advised("cu") if self._system_problem(each) is None), None)
        needed = f"; driver {self._min_driver(wheel, [])} or newer is needed" if wheel else ""
        reason = f"the NVIDIA driver does not work ({self.fault}): repair it first{needed}"
        self._decide("does the NVIDIA driver answer?", f"no: {self.fault}", passed=False)
        return self._published(wheel, [reason]) if wheel else self._cpu(reason)

    def _with_broken_card(self, why: str) -> TorchBuild:
        """A CPU build would hide that a card is there."""
        self._decide("can the NVIDIA GPU be used?", f"no: {why}", passed=False)
        reason = "an NVIDIA GPU is there and cannot be used: no build is chosen, least of all the CPU's"
        wheel = next((each for each in self._advised("cu") if self._system_problem(each) is None), None)
        nearest = self._published(wheel, [reason]) if wheel else self._cpu(reason)
        return _with(nearest, none=f"mend the GPU first: {why}")

    def _with_kernels(self, vendor: Vendor) -> TorchBuild:
        """For GPUs whose builds contain kernels for certain GPU architectures, such as ROCm's."""
        gpus, support = self._of(vendor), vendor.torch
        assert support is not None  # noqa: S101 - the caller chose a vendor that PyTorch supports
        names = ", ".join(sorted({vendor.architecture(gpu) or f"unknown {vendor.architecture_field}" for gpu in gpus}))
        kind, builds = f"{vendor.name} GPU ({names})", f"{vendor.platform_name} build"
        self._decide(f"which {vendor.name} GPUs are visible and usable?", names)
        if self.system in support.elsewhere:
            return self._cpu(f"{vendor.name} GPU on {self.system.capitalize()}: {support.elsewhere[self.system]}")
        for wheel in self._advised(support.tag):
            if self._problem(wheel, gpus) is None:
                release = wheel.tag.replace(support.tag, f"{vendor.platform_name} ")
                reason = f"{kind}: the {release} build, published for torch {wheel.torch}"
                unknown = any(vendor.architecture(gpu) is None for gpu in gpus)
                return self._published(
                    wheel, [reason + ("; it is assumed to have kernels for this GPU" if unknown else "")]
                )
        advice = f"; {support.without_kernels}" if support.without_kernels else ""
        return self._cpu(f"{kind}: no published {builds} has kernels for it{advice}")

    def _without_kernels(self, vendor: Vendor) -> TorchBuild:
        """For GPUs whose driver compiles the kernels of a build, such as Intel's."""
        gpus, tag = self._of(vendor), vendor.torch.tag if vendor.torch else ""
        name, kind = gpus[0].name or "unnamed", f"{vendor.platform_name} build"
        wheel = next((each for each in self.wheels if each.tag == tag and self._problem(each, []) is None), None)
        if wheel is None:
            return self._cpu(f"{vendor.name} GPU: no {kind} is published for {self.system} on {self.architecture}")
        return self._published(wheel, [f"{vendor.name} GPU ({name}): the {kind}"])

    def _from_its_maker(self, vendor: Vendor) -> TorchBuild:
        """For cards whose PyTorch no index has. The CPU build is what comes nearest."""
        self._decide(f"is PyTorch for {vendor.name} GPUs on PyPI or its own index?", "no", passed=False)
        problem = f"PyTorch for {vendor.name} GPUs is not on PyPI or PyTorch's index: it comes with {vendor.torch_from}"
        return _with(self._cpu("without it PyTorch computes on the CPUs alone"), none=problem)

    def _for_mac(self) -> TorchBuild:
        """PyPI's wheel supports the GPU of Apple silicon; older versions of macOS need older releases."""
        for wheel in self._advised(""):
            if self._problem(wheel, []) is None:
                newest = wheel is self.wheels[0]
                version = (self.machine.os.version if self.machine.os else None) or "of this version"
                reason = f"the last release for macOS {version} and this Python" if not newest else ""
                if self.architecture == "x86_64":
                    reason = f"the last release for Intel Macs, for Python below {wheel.python_below}"
                return self._published(wheel, [reason or "macOS: the PyPI wheel supports the GPU"])
        problem = next((self._system_problem(wheel) for wheel in self.wheels), "none is published for it")
        return TorchBuild(
            tag="mps",
            index_url=None,
            requirement=self.wheels[0].requirement if self.wheels else "torch",
            reasons=(f"no release of PyTorch for this Mac: {problem}",),
            none=problem,
            decisions=tuple(self.decisions),
            backend=self.backend,
        )

    def _cpu(self, *reasons: str) -> TorchBuild:
        candidates = [wheel for wheel in self.wheels if wheel.tag == "cpu"]
        wheel = next((each for each in candidates if self._problem(each, []) is None), None)
        if wheel is not None:
            return self._published(wheel, list(reasons))
        problem = next(
            (self._system_problem(each) for each in candidates), f"none is published for {self.architecture}"
        )
        return TorchBuild(
            tag="cpu",
            index_url=index_of("cpu"),
            requirement=candidates[0].requirement if candidates else "torch",
            reasons=(*reasons, f"no release of PyTorch can be installed here: {problem}"),
            none=problem,
            decisions=tuple(self.decisions),
            backend=self.backend,
        )

    def _published(self, wheel: TorchWheel, reasons: list[str]) -> TorchBuild:
        return TorchBuild(
            tag=wheel.tag,
            index_url=index_of_wheel(wheel, self.system),
            requirement=bounded(wheel.requirement, self.specifier),
            reasons=tuple(reasons),
            decisions=tuple(self.decisions),
            backend=self.backend,
        )

    def _decide(self, question: str, answer: str, source: str | None = None, *, passed: bool | None = None) -> None:
        decision = Decision(question=question, answer=answer, passed=passed, source=source)
        if decision not in self.decisions:
            self.decisions.append(decision)

    def _named_by_user(self, ours: TorchBuild, tag: str) -> TorchBuild:
        """The build that UV_TORCH_BACKEND names if it passes the tests; otherwise ours, with the reason."""
        variable = f"UV_TORCH_BACKEND={tag}"
        if tag == ours.tag:
            return _because(ours, f"{variable} selects the same build")
        of_tag = [wheel for wheel in self.wheels if wheel.tag == tag]
        vendor = vendor_of(tag)
        if not of_tag:
            return _because(
                ours, f"{variable} is ignored: no such build is known for {self.system} on {self.architecture}"
            )
        gpus = self._of(vendor) if vendor else []
        if vendor and not gpus:
            return _because(ours, f"{variable} is ignored: no {vendor.name} GPU can be used here")
        for wheel in of_tag:
            problem = self._problem(wheel, gpus)
            if problem is None:
                other = f"; without it the choice is {ours.tag}" if ours.tag != "cpu" else ""
                return self._published(wheel, [f"{variable} selects it, and it works here{other}"])
        return _because(ours, f"{variable} is ignored: {problem}")

    def _compared_with_uv(self, ours: TorchBuild) -> TorchBuild:
        """uv chooses by the driver, not by the GPU (crates/uv-torch, backend.rs, 2026-08-21)."""
        nvidia = vendors.on_platform(self.gpus, "cuda")
        newest = next((each for each in self.wheels if cuda_of(each.tag)), None)
        lacks_kernels = bool(nvidia) and newest is not None and not self._has_kernels_for(newest, nvidia)
        if not lacks_kernels or newest is None or self.driver is None or self._is_too_old(newest, nvidia):
            return _because(ours, "UV_TORCH_BACKEND=auto: uv chooses only by the driver")
        return _because(
            ours,
            f"UV_TORCH_BACKEND=auto would choose a CUDA {newest.tag[2:4]} build, because uv looks only at the driver: "
            "that build has no kernels for these GPUs",
        )


def _allows(wheel: TorchWheel, specifier: str, known: Sequence[TorchWheel]) -> bool:
    """Whether the index of a build has an accepted release: one of the table, or one that the specifier names."""
    if not specifier:
        return True
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    offered, accepted = Requirement(wheel.requirement).specifier, SpecifierSet(specifier)
    releases = {Version(each.release) for each in known if each.tag == wheel.tag}
    named = {Version(each.version) for each in accepted if each.operator == "==" and not each.version.endswith(".*")}
    if offered.contains("9999"):  # its index may have newer releases than the table
        named |= {Version(each.version) for each in accepted if each.operator == ">="}
    return any(offered.contains(each) and accepted.contains(each, prereleases=True) for each in releases | named)


def _with(build: TorchBuild, **changes: object) -> TorchBuild:
    import msgspec

    return msgspec.structs.replace(build, **changes)


def _because(build: TorchBuild, reason: str) -> TorchBuild:
    return _with(build, reasons=(*build.reasons, reason))
