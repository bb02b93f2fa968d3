"""The ModelMetrics message of NAS-Bench-101, read from its wire format.

Of google-research/nasbench nasbench/lib/model_metrics.proto::

    ModelMetrics    1 evaluation_data (repeated)   2 trainable_parameters   3 total_time
    EvaluationData  1 current_epoch   2 training_time   3 train_accuracy   4 validation_accuracy
                    5 test_accuracy   6 checkpoint_path

A training has three evaluations: before the first step, half-way, and at its end (nasbench/api.py).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

_DOUBLE = struct.Struct("<d")
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_EVALUATIONS = 3


class Final(NamedTuple):
    """The outcome of one training: seconds, accuracies in [0, 1], and the parameter count of the network."""

    seconds: float
    valid: float
    test: float
    parameters: int


def final(message: bytes) -> Final:
    """Return the figures at the end of the training that ``message`` describes.

    Raises
    ------
    ValueError
        It is not a ModelMetrics message, or lacks a figure.
    """
    evaluations, parameters = [], None
    for number, value in _fields(message):
        if number == 1 and isinstance(value, bytes):
            evaluations.append(value)
        elif number == 2 and isinstance(value, int):
            parameters = value
    if len(evaluations) != _EVALUATIONS or parameters is None:
        raise ValueError(f"{len(evaluations)} evaluations where {_EVALUATIONS} are expected")
    last = {number: value for number, value in _fields(evaluations[-1]) if isinstance(value, bytes)}
    try:
        (seconds,), (valid,), (test,) = (_DOUBLE.unpack(last[number]) for number in (2, 4, 5))
    except (KeyError, struct.error):
        raise ValueError("an evaluation lacks a figure") from None
    return Final(seconds, valid, test, parameters)


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Yield number and value of each field: an int for a varint, else the bytes."""
    position, end = 0, len(message)
    while position < end:
        key, position = _varint(message, position)
        kind = key & 7
        if kind == _VARINT:
            value, position = _varint(message, position)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            size, position = _varint(message, position)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if position + size > end:
            raise ValueError("a field runs past the end")
        yield key >> 3, message[position : position + size]
        position += size


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """Return the variable-length integer at ``position``, and the position after it."""
    value = shift = 0
    while True:
        if position >= len(message) or shift > 63:
            raise ValueError("a number runs past the end")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
