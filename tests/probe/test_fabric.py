"""RDMA ports, network interfaces, EFA and GPUDirect from sysfs; and what wraps the system."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmcheck.probe import Request, fabric, system
from llmcheck.schema.machine import Fabric, Nic
from llmcheck.system.host import Host
from tests.probe.test_numa import unpacked
from tests.probe.trees import dump, plant

PORT = "sys/class/infiniband/mlx5_0/ports/1"
PCI = "sys/bus/pci/devices"


def read(root: Path) -> Fabric:
    found = fabric.probe(Host(str(root)), Request()).fabric
    assert found is not None
    return found


class TestPorts:
    @pytest.mark.parametrize(
        ("state", "physical", "expected"),
        [
            ("4: ACTIVE", "5: LinkUp", (True, "ACTIVE", "LinkUp")),
            ("1: DOWN", "2: Polling", (False, "DOWN", "Polling")),
            ("2: INIT", "5: LinkUp", (False, "INIT", "LinkUp")),
            ("5: ACTIVE_DEFER", "5: LinkUp", (False, "ACTIVE_DEFER", "LinkUp")),
        ],
    )
    def test_states(self, tmp_path: Path, state: str, physical: str, expected: tuple[bool, str, str]) -> None:
        plant(tmp_path, {f"{PORT}/state": f"{state}\n", f"{PORT}/phys_state": f"{physical}\n"})
        plant(tmp_path, {f"{PORT}/rate": "2.5 Gb/sec (1X SDR)\n"})
        (port,) = read(tmp_path).ports or ()
        assert (port.active, port.state, port.physical_state) == expected
        assert (port.rate_gbps, port.link_layer) == (2.5, None)

    def test_what_cannot_be_read_is_unknown(self, tmp_path: Path) -> None:
        plant(tmp_path, {f"{PORT}/": ""})
        (port,) = read(tmp_path).ports or ()
        assert (port.active, port.state, port.physical_state, port.rate_gbps) == (None, None, None, None)

    def test_without_sysfs_nothing_is_known(self, tmp_path: Path) -> None:
        assert read(tmp_path) == Fabric()

    def test_h100_node(self, tmp_path: Path) -> None:
        (tmp_path / "sys/class").mkdir(parents=True)
        (tmp_path / "sys/class/infiniband").symlink_to(dump("infiniband/sys-class-infiniband-h100.0"))
        ports = {port.device: port for port in read(tmp_path).ports or ()}
        assert len(ports) == 9
        bond = ports.pop("mlx5_bond_0")
        assert (bond.link_layer, bond.rate_gbps) == ("Ethernet", 200)
        for port in ports.values():
            assert (port.link_layer, port.rate_gbps, port.active) == ("InfiniBand", 400, True)
            assert (port.state, port.physical_state) == ("ACTIVE", "LinkUp")

    def test_failures_of_the_link_and_the_place_of_the_adapter(self, tmp_path: Path) -> None:
        adapter = "sys/devices/pci0000:00/0101:00:00.0"
        plant(tmp_path, {f"{adapter}/numa_node": "1\n", f"{PORT}/counters/link_downed": "7\n"})
        plant(tmp_path, {"sys/class/infiniband/mlx5_0/device": "->../../../devices/pci0000:00/0101:00:00.0"})
        (port,) = read(tmp_path).ports or ()
        assert (port.link_downed, port.pci_bus_id, port.numa_node) == (7, "0101:00:00.0", 1)

    def test_an_adapter_without_a_place_and_a_counter(self, tmp_path: Path) -> None:
        plant(tmp_path, {f"{PORT}/state": "4: ACTIVE\n", "sys/devices/virtual/rxe0/numa_node": "-1\n"})
        plant(tmp_path, {"sys/class/infiniband/mlx5_0/device": "->../../../devices/virtual/rxe0"})
        (port,) = read(tmp_path).ports or ()
        assert (port.link_downed, port.pci_bus_id, port.numa_node) == (None, None, None)

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("linux_sys_procfs_fixtures/fixtures", [("hfi1_0", 100), ("mlx4_0", 40), ("mlx4_0", 40), ("mlx5_0", 25)]),
            ("linux_sys_node_exporter_fixtures", [("i40iw0", 10), ("mlx4_0", 40), ("mlx4_0", 40)]),
        ],
    )
    def test_other_real_nodes(self, name: str, expected: list[tuple[str, float]]) -> None:
        assert [(port.device, port.rate_gbps) for port in read(dump(name)).ports or ()] == expected


class TestInterfaces:
    def nic(self, root: Path, speed: str, state: str) -> Nic:
        folder = "sys/class/net/eth0"
        plant(root, {f"{folder}/speed": speed, f"{folder}/operstate": f"{state}\n"})
        plant(root, {f"{folder}/device/driver": "->../../../../../sys/bus/pci/drivers/mlx5_core"})
        plant(root, {"sys/bus/pci/drivers/mlx5_core/": "", "sys/class/net/veth1/operstate": "up\n"})
        (found,) = read(root).nics or ()
        return found

    @pytest.mark.parametrize(
        ("speed", "expected"), [("200000\n", 200000), ("-1\n", None), ("4294967295\n", None), ("", None), ("0\n", None)]
    )
    def test_speed_that_is_unknown_is_none(self, tmp_path: Path, speed: str, expected: int | None) -> None:
        assert self.nic(tmp_path, speed, "up") == Nic(name="eth0", speed_mbps=expected, up=True, driver="mlx5_core")

    @pytest.mark.parametrize(
        ("state", "up"), [("up", True), ("down", False), ("lowerlayerdown", False), ("unknown", None)]
    )
    def test_state(self, tmp_path: Path, state: str, up: bool | None) -> None:
        assert self.nic(tmp_path, "", state).up is up

    def test_changes_of_the_carrier(self, tmp_path: Path) -> None:
        plant(tmp_path, {"sys/class/net/eth0/carrier_changes": "12\n"})
        assert self.nic(tmp_path, "", "up").carrier_changes == 12

    def test_names_are_those_of_all_interfaces(self, tmp_path: Path) -> None:
        plant(tmp_path, {f"sys/class/net/{name}/flags": "0x9\n" for name in ("lo", "docker0", "eth0")})
        plant(tmp_path, {"sys/class/net/bonding_masters": "bond0\n"})
        found = read(tmp_path)
        assert (found.interfaces, found.nics) == (("docker0", "eth0", "lo"), ())

    def test_virtual_ones_are_not_listed_in_a_real_node(self, tmp_path: Path) -> None:
        """It has eth0 and eth1, ib0, and a bridge, a VLAN, a loopback and mic0 that are virtual."""
        found = read(unpacked("32em64t-2n8c+dax+nvme+mic+dimms", tmp_path))
        nics = found.nics or ()
        assert [nic.name for nic in nics] == ["eth0", "eth1", "ib0"]
        assert nics[0].speed_mbps == 1000
        assert {"lo", "mic0"} < set(found.interfaces or ())


class TestEfa:
    @pytest.mark.parametrize(("device", "count"), [("0xefa0", 1), ("0xefa3", 1), ("0xefa4", 0), ("0xec20", 0)])
    def test_by_its_number(self, tmp_path: Path, device: str, count: int) -> None:
        plant(tmp_path, {f"{PCI}/0000:00:1f.0/vendor": "0x1d0f\n", f"{PCI}/0000:00:1f.0/device": f"{device}\n"})
        assert read(tmp_path).efa == count

    def test_by_its_driver_where_the_bus_is_hidden(self, tmp_path: Path) -> None:
        plant(
            tmp_path, {"sys/class/infiniband/rdmap0/device/driver": "->../../../../drivers/efa", "sys/drivers/efa/": ""}
        )
        assert read(tmp_path).efa == 1

    def test_unknown_where_nothing_is_listed(self, tmp_path: Path) -> None:
        assert read(tmp_path).efa is None


class TestGpudirect:
    @pytest.mark.parametrize(
        ("modules", "version", "expected"),
        [
            (("nvidia", "nvidia_peermem"), "", True),
            (("nvidia", "nv_peer_mem"), "", True),
            (("nvidia",), "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54\n", False),
            (("nvidia",), "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.1\n", None),
            (("nvme",), "", None),
        ],
    )
    def test_modules(self, tmp_path: Path, modules: tuple[str, ...], version: str, expected: bool | None) -> None:
        plant(tmp_path, {f"sys/module/{name}/": "" for name in modules})
        plant(tmp_path, {"proc/driver/nvidia/version": version})
        assert read(tmp_path).gpudirect is expected


def root_mount(where: str, kind: str = "ext4 /dev/sda1 rw") -> dict[str, str]:
    return {"proc/self/mountinfo": f"20 1 8:1 {where} / rw - {kind}\n21 20 0:5 / /proc rw - proc proc rw\n"}


class TestWhatWrapsTheSystem:
    @pytest.mark.parametrize(
        ("files", "environ", "expected"),
        [
            (root_mount("/"), {}, None),
            (root_mount("/") | {".dockerenv": ""}, {}, None),
            (root_mount("/", "overlay overlay rw,upperdir=/x/y"), {}, None),
            (root_mount("/", "overlay overlay rw,upperdir=/x/y") | {".dockerenv": ""}, {}, "docker"),
            (root_mount("/", "overlay overlay rw,upperdir=/var/lib/docker/overlay2/a/diff"), {}, "docker"),
            (root_mount("/", "overlay overlay rw,upperdir=/v/containers/storage/overlay/a/diff"), {}, "podman"),
            ({"run/.containerenv": ""}, {}, "podman"),
            ({}, {"container": "podman"}, "podman"),
            (root_mount("/var/lib/lxc/web/rootfs"), {}, "lxc"),
            ({}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
            ({"var/run/secrets/kubernetes.io/serviceaccount/": ""}, {}, "kubernetes"),
            ({"proc/1/cgroup": "0::/kubepods.slice/pod1\n"}, {}, "kubernetes"),
            ({}, {"APPTAINER_CONTAINER": "/x.sif"}, "apptainer"),
            (root_mount("/raid/enroot/data/user/torch"), {}, "enroot"),
            (root_mount("/raid/enroot/data/user/pyxis_1234.0"), {}, "pyxis"),
            ({"proc/self/mountinfo": "21 20 0:5 / /proc rw - proc proc rw\n"}, {}, "chroot"),
            ({}, {}, None),
        ],
    )
    def test_container(
        self, tmp_path: Path, files: dict[str, str], environ: dict[str, str], expected: str | None
    ) -> None:
        plant(tmp_path, files)
        found = system.probe(Host(str(tmp_path), environ=environ), Request()).os
        assert found is not None
        assert found.container == expected

    @pytest.mark.parametrize(
        ("files", "expected"),
        [
            ({"proc/sys/kernel/osrelease": "4.4.0-19041-Microsoft\n"}, 1),
            ({"proc/sys/kernel/osrelease": "5.15.90.1-microsoft-standard-WSL2\n"}, 2),
            ({"proc/sys/kernel/osrelease": "6.6.1-mine\n", "proc/sys/fs/binfmt_misc/WSLInterop": ""}, 2),
            ({"proc/sys/kernel/osrelease": "6.6.1-mine\n"}, None),
        ],
    )
    def test_wsl(self, tmp_path: Path, files: dict[str, str], expected: int | None) -> None:
        plant(tmp_path, files)
        found = system.probe(Host(str(tmp_path)), Request()).os
        assert found is not None
        assert found.wsl == expected

    def test_jetson(self, tmp_path: Path) -> None:
        plant(tmp_path, {"etc/os-release": 'PRETTY_NAME="Ubuntu 22.04.5 LTS"\n'})
        plant(tmp_path, {"etc/nv_tegra_release": "# R36 (release), REVISION: 4.3, GCID: 1, BOARD: generic\n"})
        found = system.probe(Host(str(tmp_path)), Request()).os
        assert found is not None
        assert found.distribution == "Ubuntu 22.04.5 LTS (Jetson Linux 36.4.3)"
