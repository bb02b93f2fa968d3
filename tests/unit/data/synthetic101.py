"""Writes files in the format of nasbench_only108.tfrecord, with made-up figures.

The published file has 423,624 cells; one of that size, for measuring::

    python tests/unit/data/synthetic101.py synthetic.tfrecord 423624
"""

from __future__ import annotations

import json
import random
import struct
import sys
from base64 import encodebytes
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from results.data.convert_nasbench101 import OPERATIONS
from results.data.tfrecord import masked_crc


@dataclass(frozen=True)
class Training:
    """One record; accuracies in [0, 1]."""

    module_hash: str
    adjacency: str
    operations: str
    valid: float
    test: float
    seconds: float = 1769.25
    parameters: int = 8_555_530
    epochs: int = 108


def trainings(cells: int, seed: int = 0) -> Iterator[Training]:
    """Yield three trainings of each of ``cells`` cells, in an order in which no two of a cell are neighbours."""
    draw = random.Random(seed)
    graphs = [_graph(draw) for _ in range(2000)]
    made = []
    for _ in range(cells):
        adjacency, n = draw.choice(graphs)
        operations = ",".join(["input", *draw.choices(OPERATIONS, k=n - 2), "output"])
        made.append((draw.randbytes(16).hex(), adjacency, operations))
    for repeat in range(3):
        for number, (module_hash, adjacency, operations) in enumerate(made):
            valid = draw.uniform(0.7, 0.95)
            seconds, parameters = 1000.0 + repeat, 200_000 + 117 * number
            yield Training(module_hash, adjacency, operations, valid, valid - 0.005, seconds, parameters)


def _graph(draw: random.Random) -> tuple[str, int]:
    """Return a matrix as the file writes it, and its number of vertices: mostly 7, with at most 9 edges."""
    n = draw.choice([7] * 17 + [6] * 3)
    matrix = [[int(column == row + 1) for column in range(n)] for row in range(n)]
    free = [(row, column) for row in range(n) for column in range(row + 2, n)]
    for row, column in draw.sample(free, 9 - (n - 1)):
        matrix[row][column] = 1
    return "".join(str(entry) for row in matrix for entry in row), n


def message(training: Training) -> bytes:
    """Return the metrics as protocol buffers write them."""
    evaluations = b""
    for share in (0.0, 0.5, 1.0):
        figures = (108.0, training.seconds, 0.99, training.valid, training.test)
        fields = [bytes([number << 3 | 1]) + struct.pack("<d", share * f) for number, f in enumerate(figures, 1)]
        evaluation = b"".join(fields)
        evaluations += b"\x0a" + varint(len(evaluation)) + evaluation
    total = b"\x19" + struct.pack("<d", 1.25 * training.seconds)
    return evaluations + b"\x10" + varint(training.parameters) + total


def varint(number: int) -> bytes:
    """Return ``number`` in seven bits a byte, the lowest first."""
    head = []
    while number > 0x7F:
        head.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*head, number])


def record(payload: bytes) -> bytes:
    """Return ``payload`` as one record of the file."""
    length = struct.pack("<Q", len(payload))
    return length + struct.pack("<I", masked_crc(length)) + payload + struct.pack("<I", masked_crc(payload))


def payload(training: Training) -> bytes:
    """Return the JSON of one record."""
    t = training
    metrics = encodebytes(message(t)).decode()
    return json.dumps([t.module_hash, t.epochs, t.adjacency, t.operations, metrics]).encode()


def write(path: Path, content: Iterable[Training]) -> Path:
    """Write a file of these trainings."""
    with path.open("wb") as file:
        for training in content:
            file.write(record(payload(training)))
    return path


if __name__ == "__main__":
    write(Path(sys.argv[1]), trainings(int(sys.argv[2])))
