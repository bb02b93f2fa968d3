"""A search with a budget whose store comes back in one file, and continues elsewhere.

Data may come in parts: ``tar c cifar10/*.parquet nasbench201.parquet | split -b 36M - part.``.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import torch

from bench.machine import conv_table
from results.errors import InputError

STORE = "store.tar"
RESERVE = 10.0  # seconds at the end in which the store is packed


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of ``search``; others are those of ``dnas run``."""
    command.add_argument("experiment", help="an experiment, or a TOML file; other options are those of 'dnas run'")
    command.add_argument("--data", type=Path, help="data directory, or a folder of its parts 'part.*'")
    command.add_argument("--runs", type=Path, help="the store; by default a folder 'runs' beside --out")
    command.add_argument("--resume", type=Path, action="append", default=[], help=f"a {STORE} that continues")
    command.add_argument("--forms", type=Path, help="a conv-forms.json measured before on this kind of device")


def run(asked: argparse.Namespace, more: list[str], device: torch.device, deadline: float) -> int:
    """Unpack data, file away what is to continue, search, pack the store; return the exit status of ``dnas run``."""
    runs = asked.runs or asked.out.parent / "runs"
    environment = dict(os.environ)
    if asked.data:
        environment["DNAS_DATA"] = str(joined(asked.data.absolute(), asked.out.absolute().parent / "data"))
    if asked.forms:
        conv_table.file().parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(asked.forms, conv_table.file())
    for packed in asked.resume:
        arrived = asked.out.parent / f"arrived-{packed.parent.name}"
        unpack(packed, arrived)
        if any(arrived.iterdir()) and (status := _dnas(["merge", str(arrived), "--runs", str(runs)], environment)):
            return status
    words = ["run", asked.experiment, "--runs", str(runs), "--device", device.type, *more]
    left = deadline - time.monotonic() - RESERVE
    if left < float("inf"):
        words += ["--budget", f"{max(left, 1.0):.0f}s"]
    try:
        return _dnas(words, environment)
    finally:
        count = pack(runs, asked.out / STORE)
        print(f"{count} files in {asked.out / STORE}: 'tar xf {STORE} -C DIR' and 'dnas merge DIR' continue elsewhere")


def joined(data: Path, unpacked: Path) -> Path:
    """Return the data directory: ``data`` itself, or where its parts are unpacked, once."""
    parts = sorted(data.glob("part.*"))
    if not parts:
        return data
    if not unpacked.is_dir():
        half = unpacked.with_name(f".{unpacked.name}.part")
        whole = half / "whole.tar"
        half.mkdir(parents=True, exist_ok=True)
        with whole.open("wb") as file:
            for part in parts:
                file.write(part.read_bytes())
        unpack(whole, half)
        whole.unlink()
        half.rename(unpacked)
    return unpacked


def pack(runs: Path, path: Path) -> int:
    """Pack records, landscapes, retrained cells and checkpoints of a store, side by side; return how many there are.

    Scores are left out: the tables give them elsewhere.
    """
    files = [p for p in sorted(runs.rglob("*")) if p.suffix in (".parquet", ".ckpt") and p.name != "scores.parquet"]
    with tarfile.open(path, "w") as tar:
        for file in files:
            retrained = file.name == "retrained.parquet"  # is known by its name
            flat = "__".join(file.relative_to(runs).parts)
            tar.add(file, f"{flat}/{file.name}" if retrained else flat)
    return len(files)


def unpack(path: Path, folder: Path) -> None:
    """Unpack an archive into a folder, which is made; it stays empty where no step was taken in time."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(path) as tar:
            tar.extractall(folder, filter="data")  # nosec B202 # the filter refuses what leads elsewhere
    except (OSError, tarfile.TarError) as error:
        raise InputError(f"{path} cannot be unpacked ({error}); bring all parts of it") from None


def _dnas(words: list[str], environment: dict[str, str]) -> int:
    return subprocess.run([sys.executable, "-m", "bench", *words], env=environment, check=False).returncode
