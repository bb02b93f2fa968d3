"""Every deviation is complete, and stated by the runs that it is true of alone."""

import pytest

import spaces
from bench.experiments import reading
from bench.methods import method
from bench.runs.deviations import deviations, rules

PAIRS = [(space, name) for space in spaces.names() for name in method.names()]


def stated(space, name, *overrides, experiment="paper"):
    """Return the ids that a run's record states."""
    protocol = reading.load(experiment, overrides).protocol(space, name)
    return {each.id for each in deviations(spaces.find(space), method.find(name), protocol)}


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
    for rule in rules(spaces.find(space), method.find(name)):
        if rule.switch and rule.id in stated(space, name):
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
    assert "clip-mix" not in stated("nasbench201", "darts", "training.clip=0.0")


@pytest.mark.parametrize(("space", "name"), PAIRS)
def test_every_switch_of_a_deviation_is_an_override_that_changes_the_protocol(space, name):
    plain = reading.load("quick").protocol(space, name)
    for rule in rules(spaces.find(space), method.find(name)):
        if rule.switch:
            assert reading.load("quick", [rule.switch]).protocol(space, name) != plain, rule.id
