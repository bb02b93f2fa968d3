"""How fast DARTS and SDARTS-ADV are on NAS-Bench-201 by the number of seeds, and the forms that a search will find."""

import shutil
from pathlib import Path

import torch

from bench.machine import conv_table, precision
from bench.speed import measuring
from bench.speed.cases import Case
from bench.speed.sizes import sizes

SEEDS = (4, 2, 1, 8)  # by priority


def run(device: torch.device, deadline: float, out: Path, *, quick: bool) -> None:
    """Measure what the time allows into ``out/speed.json``; remember the forms, and copy them to ``out``."""
    usual, sized = precision.choose("auto", device), sizes(quick=quick)
    cases = [Case("nasbench201", "darts", 4, usual, captured=captured) for captured in (True, False)]
    cases += [
        Case("nasbench201", name, seeds, one)
        for seeds in SEEDS
        for one in (usual, "bf16")
        for name in ("darts", "sdarts-adv")
    ]
    unique = list(dict.fromkeys(cases))
    command = "python -m tests.performance.gpu speed"
    found = measuring.run(unique, device, sized, out, command=command, deadline=deadline, say=_say)
    for each in found["benchmarks"]:
        extra = each["extra_info"]
        if extra["form"] == "auto" and device.type == "cuda":
            conv_table.remember(
                extra["forms"],
                batch=extra["batch"],
                seeds=extra["seeds"],
                precision=extra["precision"],
                device=device,
            )
    if conv_table.file().exists():
        shutil.copyfile(conv_table.file(), out / "conv-forms.json")


def _say(text: str) -> None:
    print(text, flush=True)
