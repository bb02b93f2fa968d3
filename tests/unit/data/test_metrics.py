"""The wire format of ModelMetrics."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.data.metrics import Final, final

from .synthetic101 import Training, message, varint

TRAINING = Training("0" * 32, "0", "input,output", valid=0.93, test=0.92, seconds=1769.25, parameters=300)


def test_reads_the_evaluation_at_the_end_of_the_training():
    # The half-way evaluation of the synthetic message has half of each figure.
    assert final(message(TRAINING)) == Final(seconds=1769.25, valid=0.93, test=0.92, parameters=300)


@pytest.mark.parametrize("parameters", [0, 1, 127, 128, 300, 49_979_274])
def test_reads_numbers_of_any_length(parameters):
    training = Training("0" * 32, "0", "input,output", 0.5, 0.5, parameters=parameters)
    assert final(message(training)).parameters == parameters


def test_the_encoding_is_that_of_protocol_buffers():
    assert varint(300) == b"\xac\x02"  # the example of the encoding guide
    assert message(TRAINING)[:13] == b"\x0a\x2d\x09" + struct.pack("<d", 0.0) + b"\x11\x00"


def test_passes_over_fields_that_it_does_not_know():
    path = b"\x32\x03abc"  # checkpoint_path, in an evaluation
    whole = message(TRAINING)
    evaluations = [whole[2 + 47 * i : 47 * (i + 1)] + path for i in range(3)]
    longer = b"".join(b"\x0a" + varint(len(e)) + e for e in evaluations) + whole[3 * 47 :]
    unknown = b"\x98\x06\x01" + b"\x9d\x06\x00\x00\x00\x00"  # numbers 99, a varint and four bytes
    assert final(unknown + longer) == final(whole)


def test_takes_fields_in_any_order():
    whole = message(TRAINING)
    assert final(whole[141:] + whole[:141]) == final(whole)


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        message(TRAINING)[:47],  # one evaluation
        message(TRAINING)[:141],  # no parameter count
        message(TRAINING)[:-1],
        message(TRAINING).replace(b"\x21", b"\x31"),  # no validation accuracy
        b"\x08\x01" * 3 + b"\x10\x01",  # evaluations that are numbers
        b"\x0b",  # a group, which the format gave up
        b"\xff" * 20,
    ],
)
def test_refuses_what_lacks_a_figure(damaged):
    with pytest.raises(ValueError, match=r"\w"):
        final(damaged)


@given(st.binary(max_size=200))
def test_meets_any_bytes_with_one_kind_of_error(data):
    with contextlib.suppress(ValueError):
        final(data)
