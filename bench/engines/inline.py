"""Runs tasks one after the other here, or side by side in processes of one thread each: the engine ``inline``.

On a CPU, two processes of one thread are faster than one process of two at the sizes of a small supernet. A search
gives the same bits only with the same number of threads, which its record therefore names.
"""

from __future__ import annotations

import os
import queue
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

import torch

from bench.experiments.reading import Experiment
from bench.machine import memory
from bench.machine.setting import Setting
from bench.machine.setting import choose_device as device
from bench.runs import execution
from bench.runs.plan import Task

from .engine import TaskOutcome, run_task

__all__ = ["device", "room", "run"]


def room(device: torch.device, workers: int) -> float:
    """Return the bytes that one task may take: what is free, shared by the processes."""
    return memory.free(device) / _processes(device, workers)


def run(
    tasks: Sequence[Task], experiment: Experiment, setting: Setting, progress: execution.Progress, *, workers: int
) -> Iterator[TaskOutcome]:
    """Run tasks and yield how each ended; see ``dispatch.Engine``."""
    workers = min(_processes(setting.device, workers), len(tasks))
    if workers > 1:
        yield from _side_by_side(tasks, experiment, setting, progress, workers)
        return
    for task in tasks:
        yield run_task(task, experiment, setting, progress)


def _processes(device: torch.device, workers: int) -> int:
    """Return how many processes there are to be: one a core on a CPU and one on a GPU unless it is said."""
    if workers or device.type == "cuda":
        return workers or 1
    if hasattr(os, "sched_getaffinity"):  # a job may have been given some of the cores
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _side_by_side(
    tasks: Sequence[Task], experiment: Experiment, setting: Setting, progress: execution.Progress, workers: int
) -> Iterator[TaskOutcome]:
    context = get_context("spawn")
    with _deaf_to_hangups():
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
                    yield TaskOutcome(task, "failed", 0.0, f"its process ended with status {process.exitcode}")
            if left and not any(process.is_alive() for process in processes):
                for task in sorted(left, key=tasks.index):
                    yield TaskOutcome(task, "failed", 0.0, "no process was left to run it")
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


@contextmanager
def _deaf_to_hangups() -> Iterator[None]:
    """Start processes in which SIGHUP stays blocked: a terminal that is closed sends it to all, and the parent decides.

    One of them is of multiprocessing itself, and complains when it is ended.
    """
    if not hasattr(signal, "SIGHUP"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(todo: Any, news: Any, experiment: Experiment, setting: Setting) -> None:
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
            news.put(("ended", pid, run_task(task, experiment, setting, report)))
        except Exception as error:  # bad input and full disks are the parent's to report
            news.put(("error", pid, error))
