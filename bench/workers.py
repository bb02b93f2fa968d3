"""Runs tasks one after the other here, or side by side in processes of one thread each.

On a CPU, two processes of one thread are faster than one process of two at the sizes of a small supernet. A search
gives the same bits only with the same number of threads, which its record therefore names.
"""

from __future__ import annotations

import os
import queue
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing import get_context
from typing import Any

import torch

from . import engine
from .config import Experiment, Protocol
from .images import Images
from .locks import Busy
from .plan import Task


@dataclass(frozen=True)
class Outcome:
    """How a task ended: "done", "out of time", "left to another process", or "failed" with its error."""

    task: Task
    status: str
    seconds: float
    error: str = ""


def run(
    tasks: Sequence[Task], experiment: Experiment, setting: engine.Setting, progress: engine.Progress, *, workers: int
) -> Iterator[Outcome]:
    """Run tasks and yield how each ended; one that fails does not stop the others."""
    if workers <= 1 or len(tasks) <= 1:
        for task in tasks:
            yield _run(task, experiment, setting, progress)
        return
    yield from _side_by_side(tasks, experiment, setting, progress, min(workers, len(tasks)))


def _run(task: Task, experiment: Experiment, setting: engine.Setting, progress: engine.Progress) -> Outcome:
    began = time.monotonic()
    images = _images(experiment.protocol(task.space, task.method), setting)
    try:
        engine.run_group(experiment, task, images, setting, progress)
    except engine.OutOfTime:
        return Outcome(task, "out of time", time.monotonic() - began)
    except Busy:
        return Outcome(task, "left to another process", time.monotonic() - began)
    except torch.OutOfMemoryError as error:
        half = len(task.seeds) // 2
        if half:
            torch.cuda.empty_cache()
            parts = [replace(task, seeds=seeds) for seeds in (task.seeds[:half], task.seeds[half:])]
            ends = [_run(part, experiment, setting, progress) for part in parts]
            worst = next((end for end in ends if end.status != "done"), ends[0])
            return Outcome(task, worst.status, time.monotonic() - began, worst.error)
        return _failed(task, experiment, images, setting, began, error)
    except (RuntimeError, FloatingPointError) as error:  # the numerics or the device gave up
        return _failed(task, experiment, images, setting, began, error)
    return Outcome(task, "done", time.monotonic() - began)


def _failed(
    task: Task, experiment: Experiment, images: Images, setting: engine.Setting, began: float, error: Exception
) -> Outcome:
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    engine.write_failure(experiment, task, images, setting, first)
    return Outcome(task, "failed", time.monotonic() - began, first)


def _images(protocol: Protocol, setting: engine.Setting) -> Images:
    config = protocol.images
    return _cached_images(config.dataset, config.size, config.limit, setting.data_dir)


@lru_cache(maxsize=1)
def _cached_images(dataset: str, size: int, limit: int, data_dir: Any) -> Images:
    from .images import load

    return load(dataset, size=size or None, train_limit=limit or None, data_dir=data_dir)


def _side_by_side(
    tasks: Sequence[Task], experiment: Experiment, setting: engine.Setting, progress: engine.Progress, workers: int
) -> Iterator[Outcome]:
    context = get_context("spawn")
    todo, news = context.Queue(), context.Queue()
    for task in [*tasks, *[None] * workers]:
        todo.put(task)
    processes = [
        context.Process(target=_work, args=(todo, news, experiment, setting), daemon=True) for _ in range(workers)
    ]
    for process in processes:
        process.start()
    taken: dict[int | None, Task] = {}
    left = set(tasks)
    while left:
        try:
            kind, pid, content = news.get(timeout=1.0)
        except queue.Empty:
            for process in processes:
                if process.exitcode and process.pid in taken:
                    task = taken.pop(process.pid)
                    left.discard(task)
                    yield Outcome(task, "failed", 0.0, f"its process ended with status {process.exitcode}")
            if left and not any(process.is_alive() for process in processes):
                for task in sorted(left, key=tasks.index):
                    yield Outcome(task, "failed", 0.0, "no process was left to run it")
                return
            continue
        if kind == "took":
            taken[pid] = content
        elif kind == "point":
            progress(*content)
        elif kind == "error":
            raise content
        else:
            taken.pop(pid, None)
            left.discard(content.task)
            yield content


def _work(todo: Any, news: Any, experiment: Experiment, setting: engine.Setting) -> None:
    """Run tasks until none is left, or until the process that started this one is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides, and ends its children
    torch.set_num_threads(1)
    parent, pid = os.getppid(), os.getpid()

    def report(*content: Any) -> None:
        if os.getppid() != parent:
            raise SystemExit(1)
        news.put(("point", pid, content))

    while (task := todo.get()) is not None:
        news.put(("took", pid, task))
        try:
            news.put(("ended", pid, _run(task, experiment, setting, report)))
        except Exception as error:  # bad input and full disks are the parent's to report
            news.put(("error", pid, error))
