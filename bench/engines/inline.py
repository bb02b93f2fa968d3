"""Runs groups one after the other here, or side by side in processes of one thread each: the engine ``inline``.

On a CPU, two processes of one thread are faster than one process of two at the sizes of a small supernet. A search
gives the same bits only with the same number of threads, which its record therefore names.
"""

from __future__ import annotations

import os
import queue
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from typing import Any

import torch

from bench.machine import memory
from bench.machine.setting import Setting
from bench.machine.setting import choose_device as device
from bench.runs import execution
from bench.runs.plan import Group

from .engine import Ended, attempt

__all__ = ["device", "room", "run"]


def room(device: torch.device, workers: int) -> float:
    """Return the bytes that one group may take: what is free, shared by the processes."""
    return memory.free(device) / _processes(device, workers)


def run(groups: Sequence[Group], setting: Setting, progress: execution.Progress, *, workers: int) -> Iterator[Ended]:
    """Run groups and yield how each ended; see ``engine.Engine``."""
    workers = min(_processes(setting.device, workers), len(groups))
    if workers > 1:
        yield from _side_by_side(groups, setting, progress, workers)
        return
    for group in groups:
        yield attempt(group, setting, progress)


def _processes(device: torch.device, workers: int) -> int:
    """Return how many processes to start: the given number, or else one per core on a CPU and one on a GPU."""
    if workers or device.type == "cuda":
        return workers or 1
    if hasattr(os, "sched_getaffinity"):  # a job may have been given some of the cores
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _side_by_side(
    groups: Sequence[Group], setting: Setting, progress: execution.Progress, workers: int
) -> Iterator[Ended]:
    context = get_context("spawn")
    with _deaf_to_hangups():
        todo, news = context.Queue(), context.Queue()
        for group in [*groups, *[None] * workers]:
            todo.put(group)
        processes = [context.Process(target=_work, args=(todo, news, setting), daemon=True) for _ in range(workers)]
        for process in processes:
            process.start()
    try:
        yield from _ends(groups, news, processes, progress)
    finally:  # also where nobody asks for the other groups any more: each keeps its state and ends
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def _ends(
    groups: Sequence[Group], news: Any, processes: Sequence[Any], progress: execution.Progress
) -> Iterator[Ended]:
    """Listen to the processes, and yield how each group ended."""
    taken: dict[int | None, Group] = {}
    left = set(groups)
    while left:
        try:
            kind, pid, content = news.get(timeout=1.0)
        except queue.Empty:
            for process in processes:
                if process.exitcode and process.pid in taken:
                    group = taken.pop(process.pid)
                    left.discard(group)
                    yield Ended(group, "failed", 0.0, f"its process ended with status {process.exitcode}")
            if left and not any(process.is_alive() for process in processes):
                for group in sorted(left, key=groups.index):
                    yield Ended(group, "failed", 0.0, "no process was left to run it")
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
            left.discard(content.group)
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


def _work(todo: Any, news: Any, setting: Setting) -> None:
    """Run groups until none is left, or until the process that started this one is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides, and ends its children
    torch.set_num_threads(1)
    starter, pid = parent_process(), os.getpid()
    parent = starter.pid if starter else os.getppid()  # a starter that is gone already is no longer the parent

    def stop_alone() -> None:
        if os.getppid() != parent:
            raise SystemExit(1)

    def report(*content: Any) -> None:
        stop_alone()
        news.put(("point", pid, content))

    while (group := todo.get()) is not None:
        stop_alone()
        news.put(("took", pid, group))
        try:
            news.put(("ended", pid, attempt(group, setting, report)))
        except Exception as error:  # bad input and full disks are the parent's to report
            news.put(("error", pid, error))
