"""``dnas data``: images and tables in the data directory."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from results.errors import InputError

from .application import app
from .options import Json, ReplaceFile, emit

data = typer.Typer(help="Images and tables in the data directory ($DNAS_DATA, else the platform's cache folder).")
app.add_typer(data, name="data", no_args_is_help=True)


@data.command()
def status(as_json: Json = False) -> None:
    """Say what is there, what is missing, where it belongs, and what works without it."""
    from bench.scoring import module_hashes
    from results.data.directory import data_dir
    from results.data.directory import status as found

    folder = data_dir()
    tables = folder.is_dir() and any(folder.glob("nasbench101*.parquet"))
    _print(found(folder, module_hashes() if tables else None), as_json)


@data.command()
def verify(as_json: Json = False) -> None:
    """Read every byte and row of what is there; exit 2 if a file cannot be used."""
    from results.data.directory import data_dir
    from results.data.directory import verify as checked

    files = checked(data_dir())
    _print(files, as_json)
    if damaged := [file for file in files if file.state in ("truncated", "corrupt")]:
        count = "1 file" if len(damaged) == 1 else f"{len(damaged)} files"
        raise InputError(f"{count} cannot be used: {damaged[0].path}: {damaged[0].detail}")


@data.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="What to fetch; see dnas data status.")],
    replace: ReplaceFile = False,
) -> None:
    """Download files, verified by checksum; DNAS_OFFLINE=1 opens no connection."""
    from results.data.directory import data_dir
    from results.data.fetch import fetch as download

    for path in download(names, data_dir(new=True), replace=replace):
        print(path)


@data.command()
def convert(
    source: Annotated[str, typer.Argument(help="A name from dnas data status, or a path.")],
    replace: ReplaceFile = False,
) -> None:
    """Convert an official benchmark file into a compact table."""
    from results.data.convert import convert as converted
    from results.data.directory import data_dir

    for path in converted(source, data_dir(new=True), replace=replace):
        print(path)


def _print(files: list[Any], as_json: bool) -> None:
    if as_json:
        emit([dataclasses.asdict(file) for file in files])
        return
    for file in files:
        print(f"{file.name}: {file.state}" + (f", {file.detail}" if file.detail else ""))
        print(f"    {file.what}")
        if file.state == "missing":
            print(f"    without it: {file.without}")
        if file.rows:
            print(f"    {_size(file.datasets)}" + (f"; {file.release}" if file.release else ""))
        for space, (covered, cells) in file.coverage.items():
            print(f"    covers {covered:,} of {cells:,} cells of {space}")


def _size(datasets: Mapping[str, int]) -> str:
    """Return how many cells a table has, on which data sets."""
    if len(datasets) > 1 and len(set(datasets.values())) == 1:
        return f"{next(iter(datasets.values())):,} cells x {len(datasets)} data sets: {', '.join(datasets)}"
    return ", ".join(f"{count:,} cells on {name}" for name, count in datasets.items())
