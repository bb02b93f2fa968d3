"""Files of measurements, in the schema of pytest-benchmark's JSON: of ``dnas bench gpu`` and ``tox -e benchmark``."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.machine import environment
from results.errors import InputError
from results.files import whole


@dataclass(frozen=True)
class Benchmark:
    """One measurement: seconds of the rounds, by their quartiles and ends, and what else is known of it."""

    name: str
    median: float
    q1: float
    q3: float
    least: float
    most: float
    rounds: int
    extra: Mapping[str, Any]


@dataclass(frozen=True)
class Measurements:
    """The content of one file."""

    machine: Mapping[str, Any]
    benchmarks: tuple[Benchmark, ...]

    def named(self) -> dict[str, Benchmark]:
        """Return the measurements by name."""
        return {benchmark.name: benchmark for benchmark in self.benchmarks}


def machine(device: Any, command: str) -> dict[str, Any]:
    """Return what a file says of where and how it was measured; nothing in it names a host or a path."""
    return {"device": environment.device_info(device), "versions": environment.versions(), "command": command}


def entry(name: str, seconds: Sequence[float], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return one measurement of a file; ``seconds`` are those of each round."""
    q1, _, q3 = statistics.quantiles(seconds, n=4, method="inclusive") if len(seconds) > 1 else [seconds[0]] * 3
    stats = {
        "min": min(seconds),
        "max": max(seconds),
        "mean": statistics.fmean(seconds),
        "stddev": statistics.stdev(seconds) if len(seconds) > 1 else 0.0,
        "median": statistics.median(seconds),
        "q1": q1,
        "q3": q3,
        "iqr": q3 - q1,
        "rounds": len(seconds),
        "iterations": 1,
        "total": sum(seconds),
    }
    return {"name": name, "fullname": name, "group": None, "params": None, "stats": stats, "extra_info": dict(extra)}


def document(machine_info: Mapping[str, Any], benchmarks: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    """Return the content of a file; ``more`` is kept beside the schema's own keys."""
    return {
        "machine_info": dict(machine_info),
        "commit_info": environment.git_state(),
        "benchmarks": list(benchmarks),
        "datetime": datetime.now(UTC).isoformat(timespec="seconds"),
        **more,
    }


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file whole or not at all."""
    with whole.writing(path) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())


def content(path: Path) -> dict[str, Any]:
    """Return the raw content of a file.

    Raises
    ------
    InputError
        The file is absent, or is no file of measurements.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; 'dnas bench gpu' and 'tox -e benchmark' write such files") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(found, dict) or not isinstance(found.get("benchmarks"), list):
        raise InputError(f"{path} holds no measurements: it lacks the list 'benchmarks'")
    return found


def read(path: Path) -> Measurements:
    """Read a file of measurements; errors as in ``content``."""
    found = content(path)
    try:
        benchmarks = tuple(_benchmark(each) for each in found["benchmarks"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path} has a measurement that cannot be read: {type(error).__name__} {error}") from None
    machine_info = found.get("machine_info")
    return Measurements(machine_info if isinstance(machine_info, dict) else {}, benchmarks)


def _benchmark(each: Mapping[str, Any]) -> Benchmark:
    stats = each["stats"]
    median, iqr = float(stats["median"]), float(stats["iqr"])
    if not median > 0:
        raise ValueError(f"the median of '{each['name']}' is {median}")
    return Benchmark(
        name=str(each["name"]),
        median=median,
        q1=float(stats.get("q1", median - iqr / 2)),
        q3=float(stats.get("q3", median + iqr / 2)),
        least=float(stats["min"]),
        most=float(stats["max"]),
        rounds=int(stats["rounds"]),
        extra=dict(each.get("extra_info") or {}),
    )
