"""Prints what hostile input does to the real command: ``python -m tests.fuzz.table [INPUTS OF EACH KIND]``.

Each input is one run in a process of its own. Time and memory are the most that one run took; memory is that of the
process or of a child of it that it waited for, whichever is larger.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = (sys.executable, "-P", "-m", "llmcheck")
GUARD = 120
"""Seconds after which a run is said to hang."""
HEAD = 'id = "fuzz"\ntitle = "t"\ntask = "general"\nsources = ["here"]\n'
Words = list[str]
SEEDS = sorted((ROOT / "tests" / "machines").glob("*.json"))
PARTS = ["RTX 4090", "64 GB RAM", "2 TB disk", "8x H100 SXM", "-1", "0x", "\x1b[31m", "\u202e", "9" * 400, ",", "'"]


def _mangled(data: bytes, chance: random.Random) -> bytes:
    """Some bytes changed, cut out or repeated."""
    found = bytearray(data)
    for _ in range(chance.randrange(1, 3)):
        at = chance.randrange(len(found) or 1)
        choice = chance.randrange(4)
        if choice == 0:
            found[at : at + 1] = bytes([chance.randrange(256)])
        elif choice == 1:
            del found[at : at + chance.randrange(1, 60)]
        elif choice == 2:
            found[at:at] = found[at : at + 40] * chance.randrange(1, 5)
        else:
            found[at : at + 3] = chance.choice([b"null", b"-1", b"1e400", b"[]", b"{}", b'"\\u202e"', b"9" * 400])
    return bytes(found)


def _file(folder: Path, name: str, data: bytes) -> str:
    path = folder / name
    path.write_bytes(data)
    return str(path)


def _machines(folder: Path, chance: random.Random) -> Words:
    path = _file(folder, "m.json", _mangled(chance.choice(SEEDS).read_bytes(), chance))
    return [
        *chance.choice((["check", "inference-7b"], ["machine"], ["install", "toolkit"], ["fit", "7B"])),
        "--machine",
        path,
    ]


def _profiles(folder: Path, chance: random.Random) -> Words:
    seeds = sorted((ROOT / "profiles").glob("*.toml"))
    path = _file(folder, "p.toml", _mangled(chance.choice(seeds).read_bytes(), chance))
    return ["check", path, "--machine", "RTX 4090, 64 GB RAM"]


def _words(_folder: Path, chance: random.Random) -> Words:
    return ["check", "minimum", "--machine", ", ".join(chance.choices(PARTS, k=chance.randrange(0, 6)))]


def _configs(folder: Path, chance: random.Random) -> Words:
    seed = {"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32}
    seed |= {"intermediate_size": 14336, "vocab_size": 128256, "num_key_value_heads": 8}
    path = _file(folder, "config.json", _mangled(json.dumps(seed).encode(), chance))
    return ["fit", "--config", path, "--machine", "RTX 4090, 64 GB RAM"]


def _models(folder: Path, chance: random.Random) -> Words:
    gguf = b"GGUF\x03\0\0\0" + (1).to_bytes(8, "little") * 2 + b"\x14\0\0\0\0\0\0\0general.architecture\x08\0\0\0"
    header = b'{"model.embed_tokens.weight":{"dtype":"BF16","shape":[100,64],"data_offsets":[0,12800]}}'
    whole = {
        "m.gguf": gguf + b"\x05\0\0\0\0\0\0\0llama" * 3,
        "m.safetensors": len(header).to_bytes(8, "little") + header,
    }
    name = chance.choice(sorted(whole))
    return ["fit", _file(folder, name, _mangled(whole[name], chance)), "--machine", "RTX 4090"]


def _options(_folder: Path, chance: random.Random) -> Words:
    values = ["-1", "0", "nan", "inf", "1e999", "9" * 400, "", "-", "\u0663", "true", "32k", "../..", "/dev/null"]
    options = ["--context", "--batch", "--gpus", "--weights", "--timeout", "--probe-timeout", "--max-age", "--format"]
    pairs = [word for option in chance.sample(options, 2) for word in (option, chance.choice(values))]
    return ["fit", "7B", "--machine", "RTX 4090", *pairs]


def _places(folder: Path, chance: random.Random) -> Words:
    fifo = folder / "fifo"
    if not fifo.exists():
        os.mkfifo(fifo)
    place = chance.choice(
        ["/dev/zero", "/dev/null", "/dev/full", "/", str(folder), str(fifo), "/proc/self/mem", "no\0such"[:2]]
    )
    words = chance.choice(
        (["check", place], ["check", "minimum", "--machine", place], ["fit", place], ["fit", "--config", place])
    )
    return [*words, "--probe-timeout", "1", "--timeout", "2"]


def _outputs(folder: Path, chance: random.Random) -> Words:
    (folder / "old.json").write_text("old")
    place = chance.choice(
        ["-", "/dev/null", "/dev/full", "/", str(folder), f"{folder}/old.json", f"{folder}/new/", "/proc/x"]
    )
    return ["profiles", "list", "--format", "json", "--output", place]


def _environments(folder: Path, chance: random.Random) -> Words:
    site = folder / "venv" / "lib" / "python3.12" / "site-packages" / f"torch-2.{chance.randrange(99)}.dist-info"
    site.mkdir(parents=True, exist_ok=True)
    (folder / "venv" / "bin").mkdir(exist_ok=True)
    python = folder / "venv" / "bin" / "python"
    if not python.exists():
        python.write_text("#!/bin/sh\ntouch ran\n")
        python.chmod(0o755)
    (folder / "venv" / "pyvenv.cfg").write_bytes(_mangled(b"home = /usr/bin\nversion = 3.12.1\n", chance))
    (site / "METADATA").write_bytes(_mangled(b"Metadata-Version: 2.1\nName: torch\nVersion: 2.9.1\n", chance))
    return ["check", "inference-7b", "--skip", "hardware", "--python", str(python), "--probe-timeout", "2"]


def _large(folder: Path, chance: random.Random) -> Words:
    rows = "".join(f'[[require]]\nid = "r{n}"\nkind = "ram"\ntotal = "{n + 1} GB"\n' for n in range(10_000))
    kind = chance.choice([[], ["-v"], ["--format", "json"], ["--format", "markdown"], ["--format", "svg"]])
    return ["check", _file(folder, "large.toml", (HEAD + rows).encode()), "--machine", "RTX 4090, 64 GB RAM", *kind]


KINDS: dict[str, tuple[Callable[[Path, random.Random], Words], float]] = {
    "saved machines with changed bytes": (_machines, 1),
    "profiles with changed bytes": (_profiles, 1),
    "machines in words": (_words, 1),
    "config.json with changed bytes": (_configs, 1),
    "GGUF and safetensors with changed bytes": (_models, 1),
    "values of options": (_options, 1),
    "devices, pipes and folders as input": (_places, 0.5),
    "devices, links and folders as output": (_outputs, 0.5),
    "planted environments": (_environments, 0.5),
    "10,000 requirements, every format": (_large, 0.1),
}


def _run(words: Words, folder: Path) -> tuple[int, float, int, bytes]:
    """Exit code, seconds, bytes of memory, and standard error."""
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"}
    begun = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*PROGRAM, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=environ,
            cwd=folder,
        )
        while True:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() - begun > GUARD:
                process.kill()
                raise SystemExit(f"hangs: {words}")
            time.sleep(0.005)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        return process.returncode, time.monotonic() - begun, used.ru_maxrss * 1024, errors.read()


def rows(count: int) -> Iterator[str]:
    """The lines of the table, each when its kind has been tried."""
    yield "| input | tried | exit codes | longest, s | most memory, MB |"
    yield "|---|---|---|---|---|"
    for name, (kind, share) in KINDS.items():
        chance, codes, longest, most = random.Random(name), Counter[int](), 0.0, 0
        tried = max(5, round(count * share))
        for _ in range(tried):
            with tempfile.TemporaryDirectory() as folder:
                words = [word.replace("\0", "") for word in kind(Path(folder), chance)]
                code, seconds, memory, errors = _run(words, Path(folder))
            if code not in (0, 1, 2, 3, 4) or b"Traceback" in errors:
                raise SystemExit(f"{code}: {words}\n{errors.decode('utf-8', 'replace')}")
            codes[code] += 1
            longest, most = max(longest, seconds), max(most, memory)
        told = ", ".join(f"{times} x {code}" for code, times in sorted(codes.items()))
        yield f"| {name} | {tried} | {told} | {longest:.1f} | {most / 1e6:.0f} |"


if __name__ == "__main__":
    for line in rows(int(sys.argv[1]) if len(sys.argv) > 1 else 100):
        print(line, flush=True)
