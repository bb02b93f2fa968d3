"""Variants: a method under an id of its own, from the experiment to the record."""

import pytest

from bench.experiments import reading
from bench.methods import method
from bench.runs.plan import missing, plan
from bench.runs.standing import standing
from results.errors import InputError
from results.records.run import Run
from results.records.store import Store

VARIANT = """
[variants."darts-l2-81"]
method = "darts"
label = "DARTS, L2 81e-4"
training = { weight_decay = 81e-4 }
measure = { eigenvalue_every = 2 }

[variants.rs-wide]
method = "sdarts-rs"
label = "SDARTS-RS, wide"
params = { epsilon = 0.5 }
"""


@pytest.fixture
def experiment(minimal, written):
    return lambda *overrides, more=VARIANT: reading.load(written(minimal + more), overrides)


def test_a_variant_has_the_settings_of_its_method_and_its_own(experiment):
    found = experiment("methods.sdarts-rs.epsilon_start=0.1", "methods.darts.training.lr=0.5")
    own, plain = (found.arm("nasbench201", name).protocol for name in ("darts-l2-81", "darts"))
    assert (own.training.weight_decay, plain.training.weight_decay) == (81e-4, 3e-4)
    assert own.training.lr == plain.training.lr == 0.5
    assert (own.measure.eigenvalue_every, plain.measure.eigenvalue_every) == (2, 1)
    wide = found.arm("nasbench201", "rs-wide").protocol.params
    assert (wide.epsilon_start, wide.epsilon) == (0.1, 0.5)


def test_an_override_reaches_a_variant(experiment):
    found = experiment("variants.darts-l2-81.training.weight_decay=0.5")
    assert found.arm("nasbench201", "darts-l2-81").protocol.training.weight_decay == 0.5
    assert found.arm("nasbench201", "darts-l2-81").method.label == "DARTS, L2 81e-4"


def test_a_variant_is_its_method_under_another_label(experiment):
    found = experiment().arm("nasbench201", "darts-l2-81").method
    assert (found.id, found.label, found.step) == ("darts", "DARTS, L2 81e-4", method.find("darts").step)
    assert experiment().arm("nasbench201", "darts").method is method.find("darts")


def test_other_methods_keep_their_hashes(experiment, minimal, written):
    plain = reading.load(written(minimal, "plain.toml"))
    found = experiment()
    assert found.arm("nasbench201", "darts").hash == plain.arm("nasbench201", "darts").hash
    assert found.arm("nasbench201", "darts-l2-81").hash != plain.arm("nasbench201", "darts").hash
    same = experiment("variants.darts-l2-81.training.weight_decay=3e-4")
    assert same.arm("nasbench201", "darts-l2-81").hash == plain.arm("nasbench201", "darts").hash


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[variants.darts]\nmethod = "darts"\nlabel = "x"', "has the id of a method"),
        ('[variants."a/b"]\nmethod = "darts"\nlabel = "x"', "small letters, digits and hyphens"),
        ('[variants.own]\nlabel = "x"', "lacks 'method'"),
        ('[variants.own]\nmethod = "darts"', "lacks 'label'"),
        ('[variants.own]\nmethod = "dart"\nlabel = "x"', "did you mean 'darts'"),
        ('[variants.own]\nmethod = "darts"\nlabel = "x"\nlabels = "x"', "did you mean 'label'"),
        ('[variants.own]\nmethod = "darts"\nlabel = "x"\ntraining = 3', "training = 3 is not allowed"),
        ("[variants]\nown = 3", "own = 3 is not allowed"),
        ('[variants.own]\nmethod = "darts"\nlabel = "x"\n[variants.own.training]\nlearning = 3', "learning"),
        ('[variants.own]\nmethod = "darts"\nlabel = "x"\n[variants.own.params.training]\nlr = 3', "is not a parameter"),
    ],
)
def test_a_faulty_variant_is_refused_in_a_line(experiment, text, why):
    with pytest.raises(InputError, match=why) as refused:
        experiment(more=text)
    assert "\n" not in str(refused.value)


def test_a_variant_can_be_asked_for_by_name(experiment):
    assert experiment().known_method("rs-wide") == "rs-wide"
    with pytest.raises(InputError, match="did you mean 'rs-wide'"):
        experiment().known_method("rs-wid")
    with pytest.raises(InputError, match="unknown method"):
        reading.known_method("rs-wide")


def test_a_variant_is_planned_run_and_recorded_under_its_own_id(search, cut_down):
    own = ('variants.own={method = "sdarts-rs", label = "own", params = {epsilon = 0.5}}', "measure.evaluate_every=0")
    store = search("runs", *own, method="own", seeds="0")
    (found,) = store.records()
    assert found.run.method == "own"
    assert found.manifest.method.label == "own"
    assert found.manifest.method.base == "sdarts-rs"
    assert found.manifest.protocol.params["epsilon"] == 0.5
    assert {d.id for d in found.manifest.deviations} >= {"perturbed-quantity"}
    arm = cut_down(*own, "seeds=0").arm("nasbench201", "own").narrowed((0, 1))
    assert list(missing([arm], store)) == [arm.run(1)]
    assert standing([arm], store).kept == ()


def test_the_plan_holds_variants(experiment, tmp_path):
    tasks = list(plan(experiment().choose(methods=("rs-wide", "darts")).arms, Store(tmp_path)))
    assert [task.arm.id for task in tasks] == ["rs-wide", "darts"]
    assert tasks[0].runs == tuple(Run("own", "nasbench201", "rs-wide", seed) for seed in (0, 1))
