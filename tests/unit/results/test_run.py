"""Names of runs, and the commands that they stand in."""

import shlex

import pytest

from results.records.run import ArmName


@pytest.mark.parametrize("experiment", ["quick", "my runs", "a; echo b", "a&b|c", "it's <here>"])
def test_a_command_is_read_back_by_a_shell_as_it_was_meant(experiment):
    words = shlex.split(ArmName(experiment, "nasbench201", "darts").command("run"))
    assert words == ["dnas", "run", experiment, "--space", "nasbench201", "--method", "darts"]


def test_plain_names_need_no_quotes():
    assert ArmName("quick", "nasbench201", "darts").command("run") == (
        "dnas run quick --space nasbench201 --method darts"
    )


def test_a_command_asks_for_overrides_of_which_a_name_has_only_a_hash():
    arm = ArmName("reduced+5754bf4e", "nasbench1shot1-1", "sdarts-rs")
    assert arm.command("run") == "dnas run reduced -o ... --space nasbench1shot1-1 --method sdarts-rs"
