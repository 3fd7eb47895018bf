"""AMD's cards by PCI device id."""

from __future__ import annotations

STRIX_HALO = 0x1586
MI300A = 0x74A0

# Device ids of APUs' graphics: libdrm's amdgpu.ids, read 2026-11-22.
APU_DEVICES = frozenset(
    (
        0x1114,
        0x1506,
        0x150E,
        STRIX_HALO,
        0x15BF,
        0x15C8,
        0x15D8,
        0x15DD,
        0x163F,
        0x164E,
        0x1681,
        0x1900,
        0x1901,
        0x1902,
    )
)

# Names by device id and, where one id has several, revision; None stands for all others. Source: libdrm's amdgpu.ids,
# read 2026-11-22, APUs 2026-11-27. 0x740C is both the
# MI250 and the MI250X and is left to the card's own product_name.
NAMES: dict[int, str | dict[int | None, str]] = {
    0x1114: {None: "AMD Radeon 860M Graphics", **dict.fromkeys((0xC3, 0xD3, 0xE5, 0xEA), "AMD Radeon 840M Graphics")},
    0x150E: {None: "AMD Radeon 890M Graphics", 0xD2: "AMD Radeon 880M Graphics"},
    0x15BF: {
        None: "AMD Radeon 780M Graphics",
        **dict.fromkeys((0x01, 0x03, 0x05, 0xC3, 0xC8, 0xCB, 0xCD, 0xD5, 0xD6, 0xDB), "AMD Radeon 760M Graphics"),
        **dict.fromkeys((0x07, 0x08, 0xC5, 0xCA, 0xCC, 0xCE, 0xD8), "AMD Radeon 740M Graphics"),
    },
    STRIX_HALO: {
        None: "AMD Radeon 8060S Graphics",
        0xC1: "AMD Radeon 8060S Graphics",
        0xC2: "AMD Radeon 8050S Graphics",
        0xC3: "AMD Radeon 8060S Graphics",
        0xC4: "AMD Radeon 8050S Graphics",
        0xC6: "AMD Radeon 8060S Graphics",
        0xD1: "AMD Radeon 8060S Graphics",
        0xD2: "AMD Radeon 8050S Graphics",
        0xD4: "AMD Radeon 8050S Graphics",
        0xD5: "AMD Radeon 8040S Graphics",
    },
    0x164E: "AMD Radeon 610M",
    0x66A1: {0x02: "AMD Instinct MI60 / MI50", 0x06: "AMD Radeon Pro VII"},
    0x66AF: "AMD Radeon VII",
    0x687F: "AMD Radeon RX Vega",
    0x738C: "AMD Instinct MI100",
    0x73A3: "AMD Radeon Pro W6800",
    0x73AF: "AMD Radeon RX 6900 XT",
    0x73BF: {0xC0: "AMD Radeon RX 6900 XT", 0xC1: "AMD Radeon RX 6800 XT", 0xC3: "AMD Radeon RX 6800"},
    0x73DF: {0xC1: "AMD Radeon RX 6700 XT", 0xC5: "AMD Radeon RX 6700 XT", 0xC0: "AMD Radeon RX 6750 XT"},
    0x7408: "AMD Instinct MI250X",
    0x740F: "AMD Instinct MI210",
    0x7448: "AMD Radeon PRO W7900",
    0x744A: "AMD Radeon PRO W7900 Dual Slot",
    0x744C: {
        0xC8: "AMD Radeon RX 7900 XTX",
        0xCC: "AMD Radeon RX 7900 XT",
        0xCE: "AMD Radeon RX 7900 GRE",
        0xCF: "AMD Radeon RX 7900M",
    },
    0x745E: "AMD Radeon PRO W7800",
    0x747E: {
        0xC8: "AMD Radeon RX 7800 XT",
        0xD8: "AMD Radeon RX 7800M",
        0xDB: "AMD Radeon RX 7700",
        0xFF: "AMD Radeon RX 7700 XT",
    },
    0x7480: {0xC0: "AMD Radeon RX 7600 XT", 0xCF: "AMD Radeon RX 7600"},
    MI300A: "AMD Instinct MI300A",
    0x74A1: "AMD Instinct MI300X",
    0x74A2: "AMD Instinct MI308X",
    0x74A5: "AMD Instinct MI325X",
    0x74A8: "AMD Instinct MI308X HF",
    0x74A9: "AMD Instinct MI300X HF",
    0x74B5: "AMD Instinct MI300X VF",
    0x74B6: "AMD Instinct MI308X",
    0x74BD: "AMD Instinct MI300X HF",
    0x7550: {0xC0: "AMD Radeon RX 9070 XT", 0xC2: "AMD Radeon RX 9070 GRE", 0xC3: "AMD Radeon RX 9070"},
    0x7551: {0xC0: "AMD Radeon AI PRO R9700", 0xC8: "AMD Radeon AI PRO R9600D"},
    0x7590: {0xC0: "AMD Radeon RX 9060 XT", 0xC1: "AMD Radeon RX 9060 XT LP", 0xC7: "AMD Radeon RX 9060"},
    0x75A0: "AMD Instinct MI350X",
    0x75A3: "AMD Instinct MI355X",
    0x75B0: "AMD Instinct MI350X VF",
    0x75B3: "AMD Instinct MI355X VF",
}
