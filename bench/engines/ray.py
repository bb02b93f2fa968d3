"""Runs groups on a Ray cluster, each as a Ray task: the engine ``ray``.

With ``RAY_ADDRESS`` they go to the cluster that runs there, without it to one that is started here and ended
after them. All nodes see the same store. A group whose worker is lost is started again and continues from its last
checkpoint.
"""

from __future__ import annotations

import os
import signal
import socket
import sysconfig
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from bench.machine import memory
from bench.machine.pace import Held
from bench.machine.setting import Setting, choose_device
from bench.runs import execution
from bench.runs.plan import Group
from results.errors import InputError
from results.records.store import Store

from . import inline as inline
from .engine import BUSY, Ended, attempt

LOSSES = 3  # of workers, without a new epoch between them, after which a group is given up
PATIENCE = 180.0  # seconds that a lost worker's locks may last: a file server keeps a lost machine's for 90
GRACE = 20.0  # seconds that a stopped group has to end its step and keep its state


@dataclass
class _Try:
    """A group on its way, and what happened to it."""

    group: Group
    began: float
    losses: int = 0
    epoch: int = -1  # the last that was heard of


def device(name: str) -> torch.device:
    """Return the device that ``auto``, ``cpu`` or ``cuda`` means on the cluster's nodes."""
    if name not in ("auto", "cuda") or _address() == "local":
        return choose_device(name)
    with _cluster() as ray:
        if ray.cluster_resources().get("GPU", 0):
            return torch.device("cuda")
    if name == "cuda":
        raise InputError("no node of the Ray cluster has a GPU; use --device cpu, or start a node that has one")
    return torch.device("cpu")


def room(device: torch.device, workers: int) -> float:
    """Return the bytes that one group may take: of a GPU, or of a node's memory for each of its cores."""
    if _address() == "local":
        return inline.room(device, workers)
    with _cluster(workers) as ray:
        if device.type == "cuda":
            free = ray.remote(_free).options(num_gpus=1, runtime_env=_environment())
            return ray.get(free.remote(device))
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        return min((n["memory"] / n["CPU"] for n in nodes if n.get("CPU")), default=float("inf"))


def run(groups: Sequence[Group], setting: Setting, progress: execution.Progress, *, workers: int) -> Iterator[Ended]:
    """Run groups and yield how each ended; see ``engine.Engine``."""
    setting = replace(
        setting,
        store=Store(setting.store.root.resolve()),  # workers have a working folder of their own
        data_dir=setting.data_dir and setting.data_dir.resolve(),
    )
    checkpoints = setting.store.root / ".checkpoints"
    checkpoints.mkdir(parents=True, exist_ok=True)
    with _cluster(workers) as ray, tempfile.NamedTemporaryFile(prefix="shared-", dir=checkpoints) as mark:
        given = (setting, time.time() + setting.deadline - time.monotonic(), Path(mark.name))
        yield from _Runs(ray, given, setting.device, progress).run(groups, workers or len(groups))


class _Runs:
    """The Ray tasks of one call of ``run``."""

    def __init__(self, ray: Any, given: tuple[Any, ...], device: torch.device, progress: execution.Progress) -> None:
        strategies = import_module("ray.util.scheduling_strategies")
        self.ray, self.progress = ray, progress
        here = strategies.NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        apart = {"runtime_env": _environment()}
        self.news = ray.remote(_News).options(num_cpus=0, max_restarts=-1, scheduling_strategy=here, **apart).remote()
        # a lost worker is noticed here and not left to Ray: what is printed, and when to give up, depend on it
        start = ray.remote(_run).options(num_cpus=1, num_gpus=int(device.type == "cuda"), max_retries=0, **apart)
        self.start = lambda group, again: start.remote(group, *given, self.news, again)
        self.tries: dict[Any, _Try] = {}

    def run(self, groups: Sequence[Group], at_once: int) -> Iterator[Ended]:
        """Run groups and yield how each ended; at the end, however it comes, none is left running."""
        waiting = deque(groups)
        with Held() as held:  # Ray makes any exit that a signal asks for one of status 1
            try:
                while waiting or self.tries:
                    while waiting and len(self.tries) < at_once:
                        group = waiting.popleft()
                        self.tries[self.start(group, False)] = _Try(group, time.monotonic())
                    ended, _ = self.ray.wait(list(self.tries), timeout=0.5)
                    held.obey()
                    self._hear()
                    for reference in ended:
                        yield self._end(reference)
            finally:
                self._cancel(held)

    def _hear(self) -> None:
        try:
            news = self.ray.get(self.news.take.remote())
        except self.ray.exceptions.RayError as error:
            if isinstance(cause := _cause(error), InputError):
                raise cause from None
            return  # what was to be shown is lost, and no search: Ray starts its keeper again
        for group, epoch, latest in news:
            for one in self.tries.values():
                if one.group == group and epoch > one.epoch:
                    one.epoch, one.losses = epoch, 0
            self.progress(group, epoch, latest)

    def _end(self, reference: Any) -> Ended:
        """Say how a group ended; where its worker was lost, start it again."""
        one = self.tries.pop(reference)
        try:
            return self.ray.get(reference)
        except self.ray.exceptions.RayTaskError as error:
            raise _cause(error) from None
        except self.ray.exceptions.RayError as error:
            one.losses += 1
            status = "retried" if one.losses < LOSSES else "failed"
            why = f"its worker was lost: {type(error).__name__}"
            if status == "retried":
                self.tries[self.start(one.group, True)] = one
            return Ended(one.group, status, time.monotonic() - one.began, why)

    def _cancel(self, held: Held) -> None:
        """Ask what still runs to keep its state and stop; make it, after some time or where a signal comes again."""
        left, until = list(self.tries), time.monotonic() + GRACE
        for reference in left:
            self.ray.cancel(reference, force=False)
        while left and held.asked is None and time.monotonic() < until:
            _, left = self.ray.wait(left, num_returns=len(left), timeout=0.5)
        for reference in left:
            self.ray.cancel(reference, force=True)


class _News:
    """Keeps, on the node of the command, what workers report until it is asked for."""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def put(self, *content: Any) -> None:
        self.kept.append(content)

    def take(self) -> list[Any]:
        kept, self.kept = self.kept, []
        return kept


def _run(group: Group, setting: Setting, deadline: float, mark: Path, news: Any, again: bool) -> Ended:
    """Run a group on a worker; ``deadline`` is of ``time.time``, for nodes share no other clock."""
    _wait_for(mark)
    if setting.device.type == "cpu":
        torch.set_num_threads(1)
    setting = replace(setting, deadline=time.monotonic() + deadline - time.time())
    patience = time.monotonic() + (PATIENCE if again else 0.0)

    def report(*content: Any) -> None:
        news.put.remote(*content)

    while (outcome := attempt(group, setting, report)).status == BUSY and time.monotonic() < patience:
        time.sleep(1.0)  # the worker that was lost still holds a lock, or the file server holds it for that
    return outcome


def _wait_for(mark: Path, seconds: float = 60.0) -> None:
    """Wait until a file of the command's is seen here: file servers show new ones late."""
    until = time.monotonic() + seconds
    while not mark.exists():
        if time.monotonic() > until:
            where = f"{os.uname().nodename} does not see the store {mark.parent.parent}"
            raise InputError(f"{where}; --runs must be a folder that every node of the Ray cluster shares")
        time.sleep(0.5)


def _free(device: torch.device) -> float:
    return memory.free(device)


def _cause(error: Any) -> Exception:
    """Return what a worker raised, as if it had been raised here."""
    cause = getattr(error, "cause", None)
    if "failed to import" in str(error) or isinstance(cause, ImportError):
        return InputError("a Ray worker cannot import dnas-bench; install it on every node, or share this folder")
    return cause if isinstance(cause, Exception) else error


def _environment() -> dict[str, Any]:
    """Return what workers need: one thread, and this checkout's folder where the packages are not installed."""
    home = Path(__file__).resolve().parents[2]
    variables = {"OMP_NUM_THREADS": "1"}
    if home != Path(sysconfig.get_paths()["purelib"]).resolve():
        variables["PYTHONPATH"] = os.pathsep.join([str(home), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {"env_vars": variables}


def _address() -> str:
    return os.environ.get("RAY_ADDRESS") or "local"


def _reach(address: str) -> None:
    """Raise ``OSError`` or ``ValueError`` where nothing listens at an address: Ray itself would wait for minutes."""
    if address in ("local", "auto"):
        return
    host, _, port = address.rpartition(":")
    if not host or "://" in host:
        raise ValueError("an address is HOST:PORT or auto, and the command runs on a node of the cluster")
    socket.create_connection((host.strip("[]"), int(port)), timeout=10.0).close()


@contextmanager
def _cluster(workers: int = 0) -> Iterator[Any]:
    """Attach to the cluster of ``RAY_ADDRESS``, or start one here with so many cores (0: all); leave it at the end."""
    try:
        ray = import_module("ray")
    except ModuleNotFoundError:
        raise InputError("--engine ray needs Ray; install it with pip install -c constraints.txt -e '.[ray]'") from None
    if ray.is_initialized():  # by whoever called, and theirs to end
        yield ray
        return
    address, kept = _address(), signal.getsignal(signal.SIGTERM)
    own: dict[str, Any] = {}
    if address == "local":
        own = {"num_cpus": workers or None, "include_dashboard": False}
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anyone unasked
    try:
        _reach(address)
        ray.init(address, log_to_driver=False, logging_level="ERROR", **own)
    except (OSError, RuntimeError, ValueError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"no Ray cluster at '{address}' ({first}); start one, or unset RAY_ADDRESS") from None
    try:
        signal.signal(signal.SIGTERM, kept)  # Ray puts its own in its place
        yield ray
    finally:
        ray.shutdown()
