"""How fast DARTS and SDARTS-ADV are on NAS-Bench-201 by the number of seeds, and the forms that a search will find."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import torch

from bench.machine import conv_table

STEPS = Path(__file__).parents[1] / "test_step.py"
CHOSEN = "test_device or (nasbench201 and (darts/ or adv/) and auto and not compiled)"


def run(device: torch.device, deadline: float, out: Path, *, quick: bool, chosen: str = CHOSEN) -> int:
    """Measure what the time allows into ``out/speed.json``, and copy the forms to ``out``; return an exit status."""
    words = [
        "-rs",
        "-q",
        f"--benchmark-json={out / 'speed.json'}",
        "--benchmark-enable",
        "-k",
        chosen,
        *["--quick"] * quick,
    ]
    if deadline < float("inf"):
        words.append(f"--budget={max(deadline - time.monotonic(), 0):.0f}s")
    hidden = {"CUDA_VISIBLE_DEVICES": ""} if device.type == "cpu" else {}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(STEPS), "-W", "default", *words], env=os.environ | hidden, check=False
    )
    if conv_table.file().exists():
        shutil.copyfile(conv_table.file(), out / "conv-forms.json")
    return 3 if done.returncode else 4 if time.monotonic() > deadline else 0
