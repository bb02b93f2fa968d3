"""Published claims are printed in words, and what this suite has is called there what it is called everywhere."""

import pytest

import spaces
from bench.experiments import reading
from bench.methods import method
from results.claims.claim import load_claims
from results.labels import load_labels

LABELS = load_labels()


@pytest.mark.parametrize("name", method.names())
def test_the_suites_methods_have_one_name(name):
    assert LABELS.method(name) == method.find(name).label


def test_a_variant_that_a_claim_names_has_the_label_of_its_experiment():
    experiments = {claim.experiment for claim in load_claims() if claim.judged}
    variants = {name: each for e in experiments for name, each in reading.load(e).variants.items()}
    named = variants.keys() & {claim.method for claim in load_claims()}
    assert named
    assert {name: LABELS.method(name) for name in named} == {name: variants[name].label for name in named}


@pytest.mark.parametrize("name", spaces.names())
def test_the_suites_spaces_have_one_name(name):
    assert LABELS.spaces.get(name, spaces.find(name).label) == spaces.find(name).label


def test_every_label_is_of_a_claim_or_of_this_suite():
    claims = load_claims()
    assert LABELS.methods.keys() <= {claim.method.partition(",")[0] for claim in claims} | set(method.names())
    assert LABELS.spaces.keys() == {claim.space for claim in claims}
    assert LABELS.metrics.keys() <= {claim.metric for claim in claims}


def test_a_method_of_a_claim_keeps_its_setting():
    assert LABELS.method("darts-2nd, drop path 0.2") == "DARTS (2nd order), drop path 0.2"
    assert LABELS.method("optimum") == "optimum"


def test_a_space_is_not_called_as_the_method_of_the_same_id():
    assert LABELS.space("darts") != LABELS.method("darts")
