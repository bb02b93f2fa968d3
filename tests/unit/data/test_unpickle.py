"""Unpickling that runs nothing."""

import contextlib
import os
import pickle
from collections import OrderedDict
from fractions import Fraction

import numpy as np
import pytest

from results.files.unpickle import unpickle


class Foreign:
    """What calls a function of its choice when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_reads_plain_data(protocol):
    content = OrderedDict({"a": [1, 2.5, None, True], ("cifar10", 777): {"x-valid@199": 91.5}, "b": "ä"})
    assert unpickle(pickle.dumps(content, protocol)) == content


@pytest.mark.parametrize("module", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_reads_the_numbers_of_both_generations_of_numpy(module):
    written = pickle.dumps({"params": np.float64(0.0733)}, protocol=4)
    start = written.index(b"numpy._core.multiarray")
    renamed = written[: start - 1] + bytes([len(module)]) + module + written[start + 22 :]
    # The frame that protocol 4 puts around it has another length then: without a frame.
    assert unpickle(renamed[:2] + renamed[11:]) == {"params": 0.0733}


@pytest.mark.parametrize(
    ("foreign", "name"),
    [
        (Foreign(os.system, "touch {}"), "posix.system"),
        (Foreign(eval, "open('{}', 'w')"), "builtins.eval"),
        (Foreign(getattr, os, "system"), "builtins.getattr"),
        (Fraction(1, 2), "fractions.Fraction"),
        (np.arange(3), "numpy._core.*_reconstruct"),
    ],
)
def test_refuses_and_does_not_run_what_is_foreign(tmp_path, foreign, name):
    trace = tmp_path / "trace"
    if isinstance(foreign, Foreign):
        function, arguments = foreign.call
        foreign = Foreign(function, *(a.format(trace) if isinstance(a, str) else repr(a) for a in arguments))
    with pytest.raises(ValueError, match=f"it asks for {name}") as error:
        unpickle(pickle.dumps({"harmless": 1, "all_results": foreign}))
    assert not trace.exists()
    assert "\n" not in str(error.value)


def test_refuses_a_dotted_way_around_the_list():
    # STACK_GLOBAL of protocol 4 would walk from an allowed class to what it holds.
    attempt = b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.__init__\x93."
    with pytest.raises(ValueError, match=r"collections\.OrderedDict\.__init__"):
        unpickle(attempt)


def test_meets_damage_with_one_kind_of_error():
    whole = pickle.dumps({"a": [np.float64(1.0)] * 3, "b": {"c": "d" * 20}}, protocol=4)
    for length in range(len(whole)):
        with pytest.raises(ValueError, match=r"\w"):
            unpickle(whole[:length])
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 0x41
        with contextlib.suppress(ValueError):
            unpickle(bytes(damaged))
