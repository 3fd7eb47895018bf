"""Accelerators other than GPUs: Google TPUs, AWS Trainium and Inferentia. They are listed but never counted as GPUs."""

from __future__ import annotations

from llmcheck.probe import Reading, Request
from llmcheck.probe._pci import DEVICES
from llmcheck.schema.machine import Accelerator
from llmcheck.system.host import Host

_GOOGLE, _AMAZON = 0x1AE0, 0x1D0F
# PCI device ids of TPU chips and Neuron devices.
# Source: google/jax jax/_src/hardware_utils.py; aws-neuron driver's neuron_pci.h; read 2026-11-22.
_NAMES = {
    (_GOOGLE, 0x0027): ("tpu", "TPU v2 or v3"),
    (_GOOGLE, 0x005E): ("tpu", "TPU v4"),
    (_GOOGLE, 0x0062): ("tpu", "TPU v5p"),
    (_GOOGLE, 0x0063): ("tpu", "TPU v5e"),
    (_GOOGLE, 0x006F): ("tpu", "TPU v6e"),
    (_AMAZON, 0x7064): ("neuron", "AWS Inferentia"),
    (_AMAZON, 0x7065): ("neuron", "AWS Inferentia"),
    (_AMAZON, 0x7066): ("neuron", "AWS Inferentia"),
    (_AMAZON, 0x7067): ("neuron", "AWS Inferentia"),
    (_AMAZON, 0x7164): ("neuron", "AWS Trainium"),
    (_AMAZON, 0x7264): ("neuron", "AWS Inferentia2"),
    (_AMAZON, 0x7364): ("neuron", "AWS Trainium2"),
}


def probe(host: Host, _request: Request) -> Reading:
    counts: dict[tuple[str, str], int] = {}
    for bus_id in host.list(DEVICES) or ():
        vendor = host.read_int(f"{DEVICES}/{bus_id}/vendor")
        if vendor in (_GOOGLE, _AMAZON):
            known = _NAMES.get((vendor, host.read_int(f"{DEVICES}/{bus_id}/device") or 0))
            if known:
                counts[known] = counts.get(known, 0) + 1
    return Reading(
        accelerators=tuple(Accelerator(kind=kind, name=name, count=count) for (kind, name), count in counts.items())
    )
