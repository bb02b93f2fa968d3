"""What each search found after every epoch, compact enough for the page, whose script draws cells from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.drawing.operations import operation_colours
from reports.drawing.style import text_on
from reports.drawing.svg import colour_variable
from reports.names import slug
from reports.study.final_cells import by_kind
from reports.study.study import Study, dataset_label
from results.records.manifest import Cell

_Rows = tuple[tuple[str, tuple[str, ...]], ...]  # name of a kind of cell, labels of its nodes


def courses(study: Study) -> dict[str, Any]:
    """Return the architectures of every search of a study as plain data; nothing where no record has a cell to draw.

    Returns
    -------
    ``methods``: id in the page, label and colour. ``operations``: name, colour, and colour of text on it. ``archs``:
    every architecture that was found; beside it ``test``, its ``quantity`` in percent or None, and ``cells``, the place
    of its nodes in ``nodes``, then of each edge its ends and its label. ``nodes`` has rows, one for each kind of cell:
    its name and the labels of its nodes. ``runs``: place of the method, seed, and for
    each point the place of its architecture; then the completed epochs, where they are not 0, 1, 2 and so on.
    """
    methods = [method for method in study.methods if not method.independent]
    drawn = [(place, record) for place, method in enumerate(methods) for record in study.drawn(method)]
    cells = {arch: cell for _, record in drawn for arch, cell in record.manifest.cells.items()}
    archs = {
        arch: place for place, arch in enumerate(sorted({a for _, record in drawn for a in record.course["arch"]}))
    }
    if not cells.keys() & archs.keys():
        return {}
    colours = operation_colours(study.declared.operations)
    nodes: dict[_Rows, int] = {}
    runs = []
    for place, record in drawn:
        epochs = record.course["epoch"].tolist()
        mine = [place, record.run.seed, [archs[arch] for arch in record.course["arch"]]]
        runs.append(mine if epochs == list(range(len(epochs))) else [*mine, epochs])
    return {
        "quantity": f"{dataset_label(study.datasets[0])} test {study.declared.metric}",
        "methods": [[slug(method.id), method.label, colour_variable(method.colour)] for method in methods],
        "operations": [[name, colour, text_on(colour)] for name, colour in colours.items()],
        "archs": list(archs),
        "test": [_score(study, arch) for arch in archs],
        "cells": [_compact(cells, arch, nodes) for arch in archs],
        "nodes": [[[name, list(labels)] for name, labels in rows] for rows in nodes],
        "runs": runs,
    }


def _score(study: Study, arch: str) -> float | None:
    score = study.scores.get((arch, study.datasets[0]))
    if score is None or score.test is None:
        return None
    return round(score.test if study.declared.metric == "accuracy" else 100 - score.test, 2)


def _compact(cells: Mapping[str, Cell], arch: str, nodes: dict[_Rows, int]) -> list[Any] | None:
    """Return a cell as a flat list; its nodes go into ``nodes``."""
    cell = cells.get(arch)
    if cell is None:
        return None
    rows = tuple((name, part.nodes) for name, part in by_kind(cell).items())
    return [nodes.setdefault(rows, len(nodes)), *(part for edge in cell.edges for part in edge)]
