"""Compiles the tables of ``llmcheck/data/offers`` from price lists that were collected before, one CSV file each.

``python tools/compile_offers.py NEWEST.csv [OLDER.csv] [MORE.csv]``

The lists have one row for each provider, instance type, region and tier: ``provider``, ``instance_type``,
``accelerator``, ``gpu_count``, ``gpu_memory_gib``, ``vcpus``, ``ram_gib``, ``local_disk_gb``, ``gpu_link``,
``node_fabric``, ``region``, ``price_hour``, ``spot_price_hour``, ``tier``, ``source``, ``source_license``,
``source_date``, ``note``. Of an older list only types that cannot be started any more are taken, which newer ones leave
out. ``tools/more_offers.csv`` has the columns of the tables: what no machine-made list has, such as a subscription.

It says which rows it leaves out, and why: no price, a part of a card, a GPU that is not in the table of GPUs, no
licence, and a price outside 0.2 to 5 times the median of its GPU.
"""

from __future__ import annotations

import csv
import os
import re
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from llmcheck import catalog
from llmcheck.cloud import canonical
from llmcheck.cloud.canonical import Form
from llmcheck.tables.offer import Offer

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "llmcheck", "data", "offers")
MORE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "more_offers.csv")
COLUMNS = Offer.__struct_fields__
LEAST, MOST = 0.2, 5.0
"""Times the median price of a GPU."""
MARKETPLACES = ("vast-ai", "akash", "spheron")
TIERS = {"production": "on-demand", "prototyping": "community", "legacy": "on-demand"}
LINKS = {"NVLink": "nvlink", "PCIe": "pcie", "XGMI": "xgmi", "ICI": "ici"}
FABRICS = (("InfiniBand", "infiniband"), ("EFA", "efa"), ("GPUDirect", "gpudirect"), ("RDMA", "roce"), ("RoCE", "roce"))
TPUS = {"tpu-v4": ("TPU v4", 32), "tpu-v5e": ("TPU v5e", 16), "tpu-v5p": ("TPU v5p", 95), "tpu-v6e": ("TPU v6e", 32)}
WITHDRAWN = ("retired", "no longer in the instance")
WHOLE_SHAPES = (2, 4, 8)
Row = dict[str, str]
records = catalog.gpu_specs()


def main(paths: list[str]) -> None:
    left_out: Counter[str] = Counter()
    rows = [row for number, path in enumerate(paths) for row in read(path) if not number or is_withdrawn(row)]
    offers = [offer for row in rows for shape in shapes(row) for offer in converted(shape, left_out)]
    offers = within_reason(offers, left_out)
    with open(MORE, encoding="utf-8", newline="") as file:
        offers += csv.DictReader(file)
    write(named(offers))
    print(f"{len(offers)} offers of {len({each['provider'] for each in offers})} providers")
    for reason, count in sorted(left_out.items()):
        print(f"left out: {count} x {reason}")


def read(path: str) -> Iterator[Row]:
    with open(path, encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def is_withdrawn(row: Row) -> bool:
    return any(each in f"{row['source']} {row.get('note', '')}" for each in WITHDRAWN)


def shapes(row: Row) -> Iterator[Row]:
    """The row, and the larger machines of which it states the price of one GPU."""
    note = row.get("note", "")
    per_gpu = "per GPU" in note and row["gpu_count"] == "1"
    cluster = per_gpu and "InfiniBand" in row.get("node_fabric", "")
    pods = (
        row["provider"] == "runpod" and row["tier"] in ("secure", "community") and "market)" not in row["instance_type"]
    )
    if row["provider"] != "together":  # sells whole nodes
        yield row
    counts = WHOLE_SHAPES if pods or "shapes of 1 to 8" in note else WHOLE_SHAPES[-1:] if cluster else ()
    for count in counts:
        yield row | {
            "gpu_count": str(count),
            "vcpus": times(row["vcpus"], count),
            "ram_gib": times(row["ram_gib"], count),
            "price_hour": times(row["price_hour"], count),
            "spot_price_hour": times(row["spot_price_hour"], count),
            "note": "; ".join(each for each in (note, f"price of one GPU x {count}") if each),
        }


def times(number: str, count: int) -> str:
    return f"{float(number) * count:.6g}" if number else ""


def converted(row: Row, left_out: Counter[str]) -> Iterator[Row]:
    """The row with the columns of the tables; none where it is left out."""
    price, spot = number_of(row["price_hour"]), number_of(row["spot_price_hour"])
    if price is None and spot is None:
        left_out["no price"] += 1
        return
    if "none stated" in row["source_license"]:
        left_out["the source states no licence"] += 1
        return
    count, link = float(row["gpu_count"]), LINKS.get(row.get("gpu_link", ""), "")
    card = gpu(row, link, count)
    if card is None or count != int(count):
        left_out[f"{row['accelerator']} {row['gpu_memory_gib']} GB: not a whole card of the table of GPUs"] += 1
        return
    instance, remark = instance_of(row)
    note = "; ".join(each for each in (row.get("note", ""), remark) if each)
    fabric, gbit = fabric_of(row.get("node_fabric", ""))
    if "spot is the page's" in note and "floor" in note:  # what nobody is promised
        spot = None
    if spot is not None and price is not None and spot >= price:
        spot, note = (
            None,
            "; ".join(each for each in (note, "the spot price in the list is no lower: left out") if each),
        )
    yield {
        "provider": row["provider"],
        "instance_type": instance,
        "tier": "marketplace" if row["provider"] in MARKETPLACES else TIERS.get(row["tier"], row["tier"]),
        "status": "withdrawn" if is_withdrawn(row) else "available",
        **card,
        "gpu_count": str(int(count)),
        "vcpus": row["vcpus"],
        "ram_gib": row["ram_gib"],
        "local_disk_gb": row.get("local_disk_gb", ""),
        "link": link if count > 1 else "",
        "fabric": fabric,
        "fabric_gbit": gbit,
        "region": "" if row["region"] in ("any", "global") else row["region"],
        "price_hour": "" if price is None else f"{price:.6g}",
        "spot_price_hour": "" if spot is None else f"{spot:.6g}",
        "price_date": row["source_date"],
        "source": row["source"],
        "licence": row["source_license"],
        "note": note.removeprefix("carried over from cloud_offers.csv: ").replace("cloud_offers.csv", "an older list"),
    }


def number_of(text: str) -> float | None:
    """None for none, and for a placeholder of 0."""
    return float(text) if text and float(text) > 0 else None


def gpu(row: Row, link: str, count: float) -> Row | None:
    if row["accelerator"] in TPUS:
        name, memory = TPUS[row["accelerator"]]
        return {
            "kind": "tpu", "vendor": "google", "accelerator": f"{name} {memory}GB", "gpu": "",
            "gpu_memory_gb": str(memory), "compute_capability": "",
        }  # fmt: skip
    # the note of a dedicated machine names the card in full
    name = next((each for each in ("RTX PRO 6000 Max-Q",) if each in row.get("note", "")), row["accelerator"])
    form = Form(instance_type=row["instance_type"], link=link or None, count=int(count))  # type: ignore[arg-type]  # one of LINKS
    found = canonical.find(name, float(row["gpu_memory_gib"]), form, records)
    if found is None:
        return None
    return {
        "kind": "vm",
        "vendor": found.vendor,
        "accelerator": canonical.words(found),
        "gpu": found.spec.name,
        "gpu_memory_gb": f"{found.spec.memory_gb:g}",
        "compute_capability": found.capability or "",
    }


def instance_of(row: Row) -> tuple[str, str]:
    """The name without provider and tier, and what the list adds to it in brackets."""
    name = row["instance_type"].removeprefix(f"{row['provider']}-")
    for tier in (row["tier"], "on-demand"):
        name = name.removesuffix(f"-{tier}")
    bracket = re.search(r"\s*\(([^)]*)\)$", name)
    if bracket is None or row["provider"] == "gcp":
        return name, ""
    if bracket[1].startswith("median"):
        return f"{name[: bracket.start()]} median", bracket[1]
    return name[: bracket.start()], "" if bracket[1] in TIERS | {"secure": "", "community": ""} else bracket[1]


def fabric_of(text: str) -> tuple[str, str]:
    """Kind and gigabits a second, where the list is sure of them."""
    if text.startswith("none"):
        return ("infiniband", "") if "InfiniBand" in text else ("none", "")
    kind = next((kind for word, kind in FABRICS if word in text), "")
    rate = re.search(r"([\d.]+) ([GT])bit/s", text)
    return kind, str(round(float(rate[1]) * (1000 if rate[2] == "T" else 1))) if rate and kind else ""


def within_reason(offers: list[Row], left_out: Counter[str]) -> list[Row]:
    """Without prices far from the median of the GPU, over one vote for each provider and tier."""
    votes: dict[str, dict[tuple[str, str], list[float]]] = defaultdict(lambda: defaultdict(list))
    for each in offers:
        votes[each["accelerator"]][each["provider"], each["tier"]].append(per_gpu(each))
    medians = {name: statistics.median(map(min, found.values())) for name, found in votes.items()}
    kept = []
    for each in offers:
        share = per_gpu(each) / medians[each["accelerator"]]
        if LEAST <= share <= MOST:
            kept.append(each)
        else:
            left_out[f"{each['provider']} {each['accelerator']}: {share:.2g} times the median of its GPU"] += 1
    return kept


def per_gpu(offer: Row) -> float:
    return float(offer["price_hour"] or offer["spot_price_hour"]) / int(offer["gpu_count"])


def named(offers: Iterable[Row]) -> list[Row]:
    """With an id: provider and type, and of the number of GPUs, tier and region what tells rows of one type apart."""
    rows = list(offers)
    groups: dict[str, list[Row]] = defaultdict(list)
    for each in rows:
        groups[each.get("id") or f"{slug(each['provider'])}-{slug(each['instance_type'])}"].append(each)
    for base, group in groups.items():
        apart = [part for part in ("gpu_count", "tier", "region") if len({each.get(part, "") for each in group}) > 1]
        for each in group:
            words = (f"{each[part]}x" if part == "gpu_count" else slug(each.get(part, "")) for part in apart)
            each["id"] = "-".join(filter(None, (base, *words)))
    return rows


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def write(offers: list[Row]) -> None:
    for old in os.listdir(FOLDER):
        os.unlink(os.path.join(FOLDER, old))
    for provider in sorted({each["provider"] for each in offers}):
        own = sorted(
            (each for each in offers if each["provider"] == provider),
            key=lambda each: (each["gpu"], int(each["gpu_count"]), each["id"]),
        )
        with open(os.path.join(FOLDER, f"{provider}.csv"), "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", restval="")
            writer.writeheader()
            writer.writerows(own)


if __name__ == "__main__":
    main(sys.argv[1:])
