"""The commands: ``check``, ``profile``, ``speed``, all three as ``first``, and ``search``."""

import argparse
import json
import sys
import time
from pathlib import Path

import torch

from bench.cli.options import seconds
from bench.machine.setting import choose_device
from results.errors import InputError

from . import checks, profiling, searching, speeds

#: Shares of the time of ``first``.
SHARES = {"check": 0.3, "profile": 0.15, "speed": 0.55}


def main(words: list[str] | None = None) -> int:
    """Run one command; return 0 done, 2 bad input, 3 something failed, 4 out of budget with work left."""
    parser = argparse.ArgumentParser(prog="python -m tests.performance.gpu", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("check", "profile", "speed", "first", "search"):
        command = commands.add_parser(name)
        command.add_argument("--out", type=Path, required=True, help="folder of what comes back; it is made")
        command.add_argument("--budget", default="", help="end within this time: 90s, 9m")
        command.add_argument("--device", default="auto", help="auto, cpu or cuda")
        if name == "search":
            searching.add_options(command)
        else:
            command.add_argument("--quick", action="store_true", help="tiny sizes: shows that everything runs")
    asked, more = parser.parse_known_args(words)
    if more and asked.command != "search":
        parser.error(f"unknown option {more[0]}")
    try:
        budget, device = seconds(asked.budget), choose_device(asked.device)
        asked.out.mkdir(parents=True, exist_ok=True)
        if asked.command == "search":
            return searching.run(asked, more, device, time.monotonic() + budget)
        return measure(asked.command, asked.out, device, budget, quick=asked.quick)
    except InputError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2


def measure(command: str, out: Path, device: torch.device, budget: float, *, quick: bool) -> int:
    """Check, profile or measure speed, or all of it, each in its share of the time; write a file each."""
    began, failed, more = time.monotonic(), False, False
    shares = SHARES if command == "first" else {command: 1.0}
    for name, share in shares.items():
        deadline = time.monotonic() + budget * share
        print(f"--- {name}, on {device}, after {time.monotonic() - began:.0f} s", flush=True)
        if name == "speed":
            status = speeds.run(device, deadline, out, quick=quick)
            failed, more = failed or status == 3, more or status == 4
            continue
        found, left = (checks if name == "check" else profiling).run(device, deadline, quick=quick)
        (out / f"{name}.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
        failed, more = failed or any(not each.get("passed", True) for each in found), more or left
    return 3 if failed else 4 if more else 0


if __name__ == "__main__":
    sys.exit(main())
