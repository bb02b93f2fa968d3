"""Names of runs, and the commands that they stand in."""

import shlex

import pytest

from results.records.run import ArmName, Run


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


def test_a_name_is_read_as_it_is_written():
    run = Run("reduced+5754bf4e", "nasbench1shot1-1", "sdarts-rs", 12)
    assert Run.parse(str(run)) == run
    assert (str(run.arm), run.folder.parts) == ("reduced+5754bf4e/nasbench1shot1-1/sdarts-rs", run.arm)


@pytest.mark.parametrize("text", ["", "quick", "quick/nasbench201/darts", "a/b/c/d", "a//c/0", "a/b/c/-1", "a/b/c/0/1"])
def test_what_is_no_name_of_a_run_is_refused(text):
    with pytest.raises(ValueError, match="is not a run; write EXPERIMENT/SPACE/METHOD/SEED"):
        Run.parse(text)


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("", "without slashes and leading dots"),
        (".hidden", "without slashes and leading dots"),
        ("a/b", "without slashes and leading dots"),
        ("a\\b", "without slashes and leading dots"),
        (None, "without slashes and leading dots"),
        ("a\nb", "in characters that can be printed"),
        ("é" * 101, "in at most 200 bytes"),
    ],
)
def test_a_name_that_can_be_no_folder_is_refused(name, fix):
    for names in ((name, "b", "c"), ("a", name, "c"), ("a", "b", name)):
        with pytest.raises(ValueError, match=f"is not part of a run's name; write it {fix}"):
            Run(*names, 0)
    assert Run("é" * 100, "b", "c", 0).seed == 0


@pytest.mark.parametrize("seed", [-1, 2**63, True, "0", 1.0, None])
def test_a_seed_that_no_record_can_hold_is_refused(seed):
    with pytest.raises(ValueError, match="is not a seed; write a number from 0 on"):
        Run("a", "b", "c", seed)
