"""Options that several commands share, and how results are printed."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from results.errors import InputError
from results.plain import finite

if TYPE_CHECKING:
    from bench.arms import Chosen
    from bench.experiments.experiment import Experiment


def _complete_space(incomplete: str) -> list[str]:
    import spaces

    return [name for name in spaces.names() if name.startswith(incomplete)]


def _complete_method(incomplete: str) -> list[str]:
    from bench.methods import method

    return [name for name in method.names() if name.startswith(incomplete)]


def _complete_experiment(incomplete: str) -> list[str]:
    from bench.experiments import reading

    return [name for name in reading.available() if name.startswith(incomplete)]


ExperimentName = Annotated[
    str, typer.Argument(help="An experiment, or a TOML file.", autocompletion=_complete_experiment)
]
SpaceName = Annotated[str, typer.Argument(help="A space.", autocompletion=_complete_space)]
Spaces = Annotated[
    list[str] | None,
    typer.Option("--space", help="Only this space; may be repeated.", autocompletion=_complete_space),
]
Methods = Annotated[
    list[str] | None,
    typer.Option("--method", help="Only this method; may be repeated.", autocompletion=_complete_method),
]
Seeds = Annotated[str | None, typer.Option("--seeds", help="Only these seeds: 0-3 (inclusive) or 0,2,5.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "-o",
        "--override",
        metavar="KEY=VALUE",
        help="Change the protocol, as in -o training.epochs=2; makes another experiment.",
    ),
]
Runs = Annotated[Path, typer.Option("--runs", help="Where records are kept.")]
Reports = Annotated[Path, typer.Option("--reports", help="Where reports are written.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
Engine = Annotated[str, typer.Option("--engine", help="inline (this machine) or ray (a cluster).")]
Budget = Annotated[str, typer.Option("--budget", help="Stop in this time: 90s, 9m, 2h; the same command continues.")]
Workers = Annotated[int, typer.Option("--workers", min=0, help="Groups side by side; 0: one per core, or one per GPU.")]
ConvForm = Annotated[
    str,
    typer.Option(
        "--conv-form",
        help="How convolutions keep seeds apart: grouped, loop, dense, bmm; auto picks for each shape.",
    ),
]
Precision = Annotated[
    str, typer.Option("--precision", help="float32, tf32, bf16 (maps only) or float64; auto: tf32 on a GPU.")
]
Capture = Annotated[bool, typer.Option(help="Capture a step as a CUDA graph and replay it, on a GPU.")]
Compile = Annotated[
    bool,
    typer.Option(
        "--compile", help="Compile cells with TorchInductor: takes minutes at first; the gain is not measured."
    ),
]
TensorBoard = Annotated[
    Path | None, typer.Option("--tensorboard", help="Also write scalars for TensorBoard into this folder.")
]
Replace = Annotated[
    bool, typer.Option("--replace", help="Replace results of other protocols, imports and files that differ.")
]
ReplaceFile = Annotated[bool, typer.Option("--replace", help="Replace an existing file.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
WithImported = Annotated[
    bool, typer.Option("--imported", help="Records of other codes decide claims too, if nothing else was run.")
]
Notation = Annotated[
    str,
    typer.Option("--notation", help="How architectures are written, if that is not clear; see docs/importing.md."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Claims that are undecided or were not run also fail.")]

RUNS = Path("results/runs")
REPORTS = Path("reports")


def existing(runs: Path, fix: str = "correct --runs") -> Path:
    """Return the folder of a store that is to be read; the default one need not exist yet.

    ``fix`` says how to name another one.

    Raises
    ------
    InputError
        It does not exist, or it holds other things and no store.
    """
    if not runs.is_dir():
        if runs == RUNS:
            return runs
        raise InputError(f"{runs} is not a folder of records; {fix}, or make one with 'dnas run' or 'dnas merge'")
    if not _is_store(runs) and any(runs.iterdir()):
        near = next((folder for folder in (runs / "runs", runs.parent) if _is_store(folder)), None)
        raise InputError(f"{runs} holds no records; {f'did you mean {near}?' if near else fix}")
    return runs


def _is_store(folder: Path) -> bool:
    """Whether anything in a folder is a store's."""
    own = ("*/*/*/seed-*", "*/retrained.parquet", "scores.parquet", ".checkpoints")
    return any(next(folder.glob(pattern), None) for pattern in own)


def narrowed(wanted: Experiment, space: list[str] | None, method: list[str] | None, seeds: str | None = None) -> Chosen:
    """Return the arms that --space, --method and --seeds leave of an experiment; None leaves all."""
    from bench.experiments import reading

    return wanted.choose(space or (), method or (), () if seeds is None else reading.parse_seeds(seeds))


def emit(document: Any) -> None:
    """Print one JSON document; what is not finite is null."""
    print(json.dumps(finite(document), indent=2, default=str, allow_nan=False))


def can_print(text: str) -> bool:
    """Whether standard output has the characters of a text."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def seconds(budget: str) -> float:
    """Return the seconds of 90s, 9m or 2h; infinity where nothing is said."""
    if not budget:
        return float("inf")
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", budget)
    if not match:
        raise InputError(f"'{budget}' is not a time; write 90s, 9m or 2h")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]


def size(value: float) -> str:
    """Write bytes as a person would."""
    if value != value or value == float("inf"):
        return "?"
    return f"{value / 2**30:.1f} GiB" if value >= 2**30 else f"{max(1, round(value / 2**20))} MiB"


def duration(value: float) -> str:
    """Write seconds as a person would."""
    if value != value or value == float("inf"):
        return "?"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
