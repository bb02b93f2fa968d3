"""Tables made into dataclasses, or refused in one line."""

import datetime
from dataclasses import dataclass
from typing import Annotated, Literal

import pytest
from annotated_types import Ge, Lt

from results.errors import InputError
from results.files.schema import build


@dataclass(frozen=True)
class Inner:
    side: Literal["left", "right"]
    pair: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class Outer:
    count: Annotated[int, Ge(1)]
    share: Annotated[float, Ge(0), Lt(1)] = 0.5
    deep: bool = False
    inner: Inner | None = None

    def __post_init__(self):
        if self.count == 13:
            raise InputError("count = 13 is unlucky; choose another")


def test_a_table_is_a_dataclass_with_tuples_and_floats():
    made = build(Outer, {"count": 2, "share": 0, "inner": {"side": "left", "pair": [1, 2]}})
    assert made == Outer(2, 0.0, inner=Inner("left", (1.0, 2.0)))
    assert isinstance(made.share, float)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"count": 1, "shre": 0.5}, "unknown key 'training.shre'; did you mean 'share'?"),
        ({"count": 1, "inner": {"sid": "left"}}, "unknown key 'training.inner.sid'; did you mean 'side'?"),
        ({}, "the key 'training.count' is missing"),
        ({"count": 1, "inner": {}}, "the key 'training.inner.side' is missing"),
        ({"count": True}, "training.count = True is not allowed: input should be a valid integer"),
        ({"count": "1"}, "training.count = '1' is not allowed: input should be a valid integer"),
        ({"count": 1e20}, "training.count = "),
        ({"count": 0}, "training.count = 0 is not allowed: input should be greater than or equal to 1"),
        ({"count": 1, "share": 1}, "training.share = 1 is not allowed: input should be less than 1"),
        ({"count": 1, "share": float("nan")}, "training.share = nan is not allowed"),
        ({"count": 1, "deep": 1}, "training.deep = 1 is not allowed: input should be a valid boolean"),
        ({"count": 1, "inner": {"side": "up"}}, "input should be 'left' or 'right'"),
        ({"count": 1, "inner": {"side": "left", "pair": [1]}}, "'training.inner.pair.1' is missing"),
        ({"count": datetime.date(2020, 1, 1)}, "training.count = '2020-01-01' is not allowed"),
        ({"count": 13}, "training.count = 13 is unlucky; choose another"),
        ({"count": "9" * 500}, "..."),
    ],
)
def test_the_first_fault_is_one_line(table, says):
    with pytest.raises(InputError) as caught:
        build(Outer, table, "training.")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200
