"""Every deviation is complete, and stated by the runs that it is true of alone."""

from functools import cache

import pytest

import spaces
from bench.experiments import reading
from bench.methods import method
from bench.runs.deviations import deviations, rules
from tests import pairs

PAIRS = [*pairs.PAIRS, *((space, "random") for space in spaces.names())]


@cache
def load(experiment, *overrides):
    """Read an experiment once for all tests."""
    return reading.load(experiment, overrides)


def stated(space, name, *overrides, experiment="paper"):
    """Return the ids that a run's record states."""
    return {each.id for each in deviations(load(experiment, *overrides).arm(space, name))}


@pytest.mark.parametrize(("space", "name"), PAIRS)
def test_every_deviation_is_complete_and_named_once(space, name):
    found = rules(spaces.find(space), method.find(name))
    assert len({rule.id for rule in found}) == len(found)
    for rule in found:
        for sentence in (rule.what, rule.why, rule.effect):
            assert sentence.endswith(".")
        assert rule.source


@pytest.mark.parametrize(("space", "name"), PAIRS)
def test_a_switch_that_is_thrown_takes_its_deviation_away(space, name):
    plain = stated(space, name)
    for rule in rules(spaces.find(space), method.find(name)):
        if rule.switch and rule.id in plain:
            assert rule.id not in stated(space, name, rule.switch), rule.id


@pytest.mark.parametrize("rule_id", ["bn-tracked", "conv-bias", "clip-mix", "alpha-batches", "learning-rate-shift"])
def test_first_order_darts_on_nasbench201_states_what_its_protocol_does(rule_id):
    assert rule_id in stated("nasbench201", "darts")


def test_a_third_value_takes_the_sentence_away_too():
    assert "bn-momentum" in stated("nasbench1shot1-1", "sdarts-rs")
    assert "bn-momentum" not in stated("nasbench1shot1-1", "sdarts-rs", "supernet.bn_momentum=0.1")
    assert "bn-momentum" not in stated("nasbench1shot1-1", "sdarts-rs", "supernet.bn_tracked=false")


def test_one_level_methods_have_no_alpha_images_and_their_own_clip_norm_and_rate():
    for name in ("dropnas", "darts-1level"):
        found = stated("nasbench201", name)
        assert not found & {"alpha-batches", "clean-validation", "clip-mix", "learning-rate-shift"}
        assert {"sub-steps", "training-length"} <= found


def test_a_one_level_method_with_the_experiments_optimiser_says_what_is_true_of_it():
    found = stated("nasbench201", "dsnas")
    assert {"clip-mix", "learning-rate-shift", "darts-settings"} <= found
    assert not found & {"alpha-batches", "clean-validation", "soft-parents"}


def test_later_methods_state_what_their_settings_do():
    assert "slope-of-epochs" not in stated("nasbench201", "beta-darts")
    assert "slope-of-epochs" in stated("nasbench201", "beta-darts", experiment="scaled")
    assert "rows-of-1shot1" in stated("nasbench1shot1-1", "beta-darts")
    assert "steps-order" in stated("nasbench201", "gdas", experiment="quick")
    assert "steps-order" not in stated("nasbench201", "gdas", experiment="scaled")
    assert "gradient-of-all" in stated("nasbench201", "gdas", "methods.gdas.gradient=straight-through")
    assert "ours-after" not in stated("nasbench201", "darts-hessian", "methods.darts-hessian.eta=0")


def test_random_draws_state_nothing_of_a_supernet():
    assert stated("nasbench201", "random") == {"random-streams", "none-in-argmax", "plain-draws"}
    assert stated("nasbench1shot1-3", "random") == {"random-streams", "optimum", "plain-draws"}


def test_second_order_says_where_it_comes_from():
    assert "unroll-origin" in stated("nasbench201", "darts-2nd")
    assert not {"unroll-rate", "unroll-random-state"} & stated("nasbench201", "darts-2nd")
    assert {"unroll-rate", "unroll-random-state"} <= stated("nasbench1shot1-1", "darts-2nd")


def test_the_settings_of_the_nasbench201_paper_name_their_halves():
    assert "interleaved-halves" in stated("nasbench201", "darts", experiment="paper-nb201-adl")
    assert "interleaved-halves" not in stated("nasbench201", "darts")


def test_what_a_method_is_told_not_to_do_is_not_stated():
    assert "epsilon-end" not in stated("nasbench201", "sdarts-rs", "methods.sdarts-rs.epsilon=0.03")
    assert not {"drop-probability", "dropped-operations"} & stated(
        "nasbench201", "dropnas", "methods.dropnas.drop_rate=0"
    )


def test_scores_of_a_retraining_are_no_mean_of_three():
    assert "optimum" in stated("nasbench1shot1-1", "darts")
    assert "optimum" not in stated("nasbench1shot1-1", "darts", experiment="quick")


def test_what_is_not_clipped_has_no_clip_norm():
    assert not {"clip-mix", "clip-alphas"} & stated("nasbench201", "darts", "training.clip=0.0")


def test_the_settings_of_the_nasbench201_paper_leave_the_mix_out_of_the_clip_norm():
    """AutoDL counts the raw alphas' gradient, in both orders; that of the mix is at least twice as long."""
    clipping = {"clip-mix", "clip-alphas"}
    for name in ("darts", "darts-2nd"):
        assert clipping & stated("nasbench201", name, experiment="paper-nb201-adl") == {"clip-alphas"}
    assert clipping & stated("nasbench201", "darts") == {"clip-mix"}


def test_both_rates_of_the_step_ahead_are_equal_under_the_pytorch_that_the_authors_ran():
    (rule,) = (rule for rule in method.find("darts-2nd").deviations if rule.id == "unroll-rate")
    assert "None on published numbers" in rule.effect


def test_an_epsilon_before_the_bias_correction_shortens_the_first_movement_by_what_is_stated():
    (rule,) = (rule for rule in method.find("dropnas").deviations if rule.id == "adam-epsilon")
    assert "by 0.2 % in the first step where a gradient is 1.5e-4" in rule.effect
    shorter = {step: 1e-8 * ((1 - 0.999**step) ** -0.5 - 1) / 1.5e-4 for step in (1, 1000)}
    assert shorter[1] == pytest.approx(2e-3, rel=0.03)
    assert shorter[1000] < 2e-5


def test_the_hessian_of_the_authors_moves_running_statistics_where_it_is_measured():
    assert "eigenvalue-statistics" in stated("nasbench1shot1-1", "darts")
    assert "eigenvalue-statistics" not in stated("nasbench1shot1-1", "darts", "measure.eigenvalue_every=0")
    assert "eigenvalue-statistics" not in stated("nasbench201", "darts")  # that code measures no Hessian
    assert "eigenvalue-statistics" not in stated("nasbench1shot1-1", "dropnas")


@pytest.mark.parametrize(
    ("space", "name", "rule_id", "line"),
    [
        ("nasbench201", "darts", "clip-mix", "nasbench201/train_search.py:246"),
        ("nasbench1shot1-1", "darts", "clip-mix", "optimizers/darts/train_search.py:290"),
        ("nasbench1shot1-1", "darts-2nd", "unroll-rate", "optimizers/darts/train_search.py:138-139"),
    ],
)
def test_a_source_names_the_line_that_it_means(space, name, rule_id, line):
    (rule,) = (rule for rule in rules(spaces.find(space), method.find(name)) if rule.id == rule_id)
    assert rule.source.endswith(line)


@pytest.mark.parametrize(("space", "name"), PAIRS)
def test_every_switch_of_a_deviation_is_an_override_that_changes_the_protocol(space, name):
    """A switch changes nothing only where the protocol has the other behaviour already."""
    arm = load("quick").arm(space, name)
    plain = arm.protocol
    for rule in rules(arm.space, arm.method):
        if rule.switch and load("quick", rule.switch).arm(space, name).protocol == plain:
            assert not rule.holds(arm), rule.id
            other = (
                rule.switch.replace("true", "false") if "true" in rule.switch else rule.switch.replace("false", "true")
            )
            assert load("quick", other).arm(space, name).protocol != plain, rule.id


def test_what_a_mapping_deviates_in_is_not_stated_on_the_authors_own_space():
    of_darts = {"experiment": "paper-darts"}
    assert {"own-nasbench201"} <= stated("nasbench201", "darts-minus")
    assert "shared-reduction" not in stated("nasbench201", "darts-minus")
    on_darts = stated("darts", "darts-minus", **of_darts)
    assert "own-nasbench201" not in on_darts
    assert "shared-reduction" in on_darts
    theirs = stated("darts", "dropnas", experiment="paper-dropnas")
    assert not theirs & {"groups", "training-length"}
    assert "training-length" in stated("darts", "dropnas", "training.epochs=50", experiment="paper-dropnas")
    assert {"groups", "training-length"} <= stated("nasbench201", "dropnas")
    assert "adam-epsilon" in stated("nasbench201", "darts-1level")
    assert "l2-alone" in stated("nasbench201", "drnas")
    assert "l2-alone" not in stated("nasbench1shot1-1", "drnas")


def test_the_darts_spaces_state_their_initialisation_and_sdarts_its_eighth_operation():
    for name in ("darts", "sdarts-rs"):
        assert "initialisation" in stated("darts", name, experiment="paper-darts")
    assert "initialisation" not in stated("nasbench201", "darts")
    assert "eight-operations" in stated("darts", "sdarts-adv", experiment="paper-darts")
    assert "eight-operations" not in stated("darts-no-none", "sdarts-adv", experiment="paper-darts")
    assert "eight-operations" not in stated("darts", "darts", experiment="paper-darts")


def test_gdas_on_nasbench1shot1_states_where_its_code_for_that_benchmark_differs():
    assert {"temperature", "unclipped-alphas"} <= stated("nasbench1shot1-1", "gdas")
    assert not {"temperature", "unclipped-alphas"} & stated("nasbench201", "gdas")
    assert "temperature" not in stated("nasbench1shot1-1", "gdas", "methods.gdas.tau=1.0")
    longer = ("training.epochs=250", "training.nesterov=true")
    assert "length" in stated("nasbench201", "gdas", *longer)
    assert "length" not in stated("nasbench201", "gdas", *longer, "training.weight_decay=5e-4")


def test_zero_cost_pt_states_its_batch_where_the_code_takes_another():
    assert "zero-cost-pt-batch" in stated("nasbench1shot1-1", "zero-cost-pt")
    assert "zero-cost-pt-batch" not in stated("nasbench201", "zero-cost-pt")
    assert "zero-cost-pt-batch" not in stated("nasbench1shot1-1", "zero-cost-pt", "methods.zero-cost-pt.batch=128")


def test_pc_darts_without_its_parts_says_so():
    assert not {"all-channels", "competing-edges-without-weights"} & stated("darts", "pc-darts", experiment="quick")
    assert "all-channels" in stated("nasbench201", "pc-darts", "methods.pc-darts.k=1")
    bare = stated("darts", "pc-darts", "methods.pc-darts.edge_weights=false", experiment="quick")
    assert "competing-edges-without-weights" in bare
    assert "edges-without-weights" not in bare
