"""A method that makes no sense on a space is left out with the reason, and refused where it is asked for."""

import json

import pytest
from typer.testing import CliRunner

from bench import cli
from bench.runs.plan import plan
from results.errors import InputError
from results.records.store import Store

REASON = "it adds a skip connection to every edge, and this space has none"


def test_a_plan_leaves_the_pair_out(cut_down, tmp_path):
    chosen = cut_down().choose(methods=("darts-minus", "darts"))
    tasks = [str(task) for task in plan(chosen.arms, Store(tmp_path))]
    assert tasks == ["nasbench201/darts-minus/0,1", "nasbench201/darts/0,1", "nasbench1shot1-1/darts/0,1"]
    chosen.refuse_senseless()
    (left_out,) = chosen.senseless
    assert (str(left_out), left_out.fault) == ("nasbench1shot1-1/darts-minus", REASON)


@pytest.mark.parametrize("spaces", [("nasbench1shot1-1",), ("nasbench201", "nasbench1shot1-2")])
def test_a_pair_that_is_asked_for_is_refused(cut_down, spaces):
    with pytest.raises(InputError, match=f"'darts-minus' does not run on '.*': {REASON}"):
        cut_down().choose(spaces, ("darts-minus",)).refuse_senseless()


@pytest.mark.parametrize("space", ["darts-s2", "darts-s4"])
def test_dropnas_is_refused_where_every_group_has_one_operation(cut_down, space):
    with pytest.raises(InputError, match=f"'dropnas' does not run on '{space}': each group has a single operation"):
        cut_down().choose((space,), ("dropnas",)).refuse_senseless()
    assert cut_down().choose(("darts-s1", "darts-s3"), ("dropnas",)).senseless == ()


def test_nothing_is_said_of_methods_that_run_everywhere(cut_down):
    assert cut_down().choose().senseless == ()


def test_the_plan_shows_the_reason(tmp_path):
    words = ["plan", "quick", "--method", "darts-minus", "--runs", str(tmp_path)]
    plain, document = (
        CliRunner().invoke(cli.commands(), [*words, *more], catch_exceptions=False).stdout for more in ([], ["--json"])
    )
    assert f"left out: nasbench1shot1-1/darts-minus: {REASON}" in plain
    assert json.loads(document)["left_out"] == [
        {"space": "nasbench1shot1-1", "method": "darts-minus", "reason": REASON}
    ]
