"""The groups of a plan, spread by an engine: in this process and others beside it, or on a Ray cluster.

Every engine is a module with the functions of ``Engine``; each group is run by ``attempt``, wherever that is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol as Interface
from typing import cast

import torch

from bench.images.datasets import Images
from bench.machine import environment
from bench.machine.pace import OutOfTime
from bench.machine.setting import Setting
from bench.runs import execution
from bench.runs.plan import Group
from bench.runs.recording import record
from results.errors import InputError, suggest
from results.files.locks import Busy

ENGINES = {"inline": "bench.engines.inline", "ray": "bench.engines.ray"}

BUSY = "left to another process"


@dataclass(frozen=True)
class Ended:
    """How a group ended: "done", "out of time", "left to another process", or "failed" with its error.

    "retried" is not an end: the group's worker was lost, and it was started again.
    """

    group: Group
    status: str
    seconds: float
    error: str = ""


class Engine(Interface):
    """What a module offers that spreads groups."""

    def device(self, name: str) -> torch.device:
        """Return the device that ``auto``, ``cpu`` or ``cuda`` means where the groups run."""
        ...

    def room(self, device: torch.device, workers: int) -> float:
        """Return the bytes of memory that one group may take."""
        ...

    def run(
        self,
        groups: Sequence[Group],
        setting: Setting,
        progress: execution.Progress,
        *,
        workers: int,
    ) -> Iterator[Ended]:
        """Run groups, ``workers`` at once (0: as many as fit), and yield how each ended.

        A group that fails does not stop the others. Bad input and full disks raise an error.
        """
        ...


def find(name: str) -> Engine:
    """Return the engine of that name."""
    if name not in ENGINES:
        raise InputError(f"unknown engine '{name}'{suggest(name, ENGINES) or '; choose ' + ' or '.join(ENGINES)}")
    return cast(Engine, import_module(ENGINES[name]))


def attempt(group: Group, setting: Setting, progress: execution.Progress) -> Ended:
    """Run one group in this process."""
    began = time.monotonic()

    def ended(status: str, error: str = "") -> Ended:
        return Ended(group, status, time.monotonic() - began, error)

    images = group.arm.images(setting.data_dir)
    try:
        execution.run_group(group, images, setting, progress)
    except OutOfTime:
        return ended("out of time")
    except Busy:
        return ended(BUSY)
    except InputError:
        raise
    except (RuntimeError, FloatingPointError, ValueError, MemoryError) as error:  # the numerics or the device gave up
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        write_failure(group, images, setting, first)
        return ended("failed", first)
    return ended("done")


def write_failure(group: Group, images: Images, setting: Setting, error: str) -> None:
    """Record that a group failed, with its error; a failed run counts as missing and is run again.

    A record that holds a result stays, be it of a seed that ended before, as diverged ones do, of an older protocol, or
    of another code.
    """
    for run in group.runs:
        if setting.store.result(run):
            continue
        setting.store.write(
            record(
                group.arm,
                run.seed,
                [],
                images_checksum=images.checksum,
                status="failed",
                error=error,
                group={"seeds": list(group.seeds), "form": setting.form},
                device=environment.device_info(setting.device),
            )
        )
