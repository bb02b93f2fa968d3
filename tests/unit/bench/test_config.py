import pytest

from bench.experiments.reading import load, parse_seeds
from bench.protocol import ImagesConfig, config_hash


def test_an_experiment_is_read_from_a_file(written):
    found = load(written())
    assert (found.name, found.about.base) == ("own", "own")
    assert (found.spaces, found.methods, found.seeds) == (("nasbench201",), ("darts",), (0, 1))
    training = found.arm("nasbench201", "darts").protocol.training
    assert training.clip == 5.0
    assert isinstance(training.clip, float)  # an integer in the file is the same protocol as its float
    assert training.alpha_betas == (0.5, 0.999)


def test_what_an_experiment_leaves_out_is_the_spaces_own(written):
    found = load(written())
    assert found.arm("nasbench1shot1-1", "darts").protocol.supernet.bn_momentum == 0.997
    assert found.arm("nasbench201", "darts").protocol.supernet.bn_momentum == 0.1
    assert found.arm("nasbench201", "darts").protocol.images == ImagesConfig("digits")


def test_a_space_beats_its_family_and_the_family_the_experiment(written, minimal):
    scopes = """
[space.nasbench1shot1.training]
batch = 16
lr = 0.5
[space.nasbench1shot1-2.training]
batch = 32
[space.nasbench1shot1-2.methods.sdarts-rs]
epsilon = 0.5
"""
    found = load(written(text=minimal + scopes))

    def training(space):
        protocol = found.arm(space, "darts").protocol
        return protocol.training.batch, protocol.training.lr

    assert training("nasbench201") == (8, 0.025)
    assert training("nasbench1shot1-1") == (16, 0.5)
    assert training("nasbench1shot1-2") == (32, 0.5)
    assert found.arm("nasbench1shot1-2", "sdarts-rs").protocol.params.epsilon == 0.5
    assert found.arm("nasbench1shot1-1", "sdarts-rs").protocol.params.epsilon == 0.3


def test_overrides_make_another_experiment():
    plain, one, again, other = (
        load("quick", overrides)
        for overrides in ([], ["training.epochs=3"], ["training.epochs=3"], ["training.epochs=4"])
    )
    assert plain.name == "quick"
    assert one.name.startswith("quick+")
    assert len(one.name) == len("quick+") + 8
    assert one.about.base == "quick"
    assert one.name == again.name != other.name
    assert one.arm("nasbench201", "darts").protocol.training.epochs == 3


@pytest.mark.parametrize(
    "pair",
    [
        ("training.epochs=3", "training.batch=16"),
        ("training.batch=16", "space.nasbench201.training.batch=32"),
    ],
)
def test_the_order_of_overrides_of_different_keys_does_not_matter(pair):
    one, other = load("quick", pair), load("quick", pair[::-1])
    assert one.name == other.name
    assert one.arm("nasbench201", "darts").protocol == other.arm("nasbench201", "darts").protocol


def test_the_last_override_of_a_key_counts():
    twice, once = load("quick", ["training.epochs=3", "training.epochs=4"]), load("quick", ["training.epochs=4"])
    assert twice.arm("nasbench201", "darts").protocol.training.epochs == 4
    assert twice.name == once.name


@pytest.mark.parametrize(
    "spellings",
    [
        ("training.epochs=2", "training.epochs = 2", " training . epochs=+2 ", "training.epochs=0x2"),
        ("training.lr=2", "training.lr=2.0", "training.lr = 2e0", "training.lr=0.2e1"),
        ("training.weight_decay=1e-05", "training.weight_decay=0.00001"),
        ("training.alpha_betas=[0, 0.9]", "training.alpha_betas=[0.0,0.90]"),
        ("training.order=weights-first", "training.order='weights-first'", 'training.order = "weights-first"'),
        ("methods.darts-1level={sub_steps=1, clip=0}", "methods.darts-1level = { clip = 0.0, sub_steps = 1.0 }"),
    ],
)
def test_an_override_has_one_name_however_it_is_typed(spellings):
    found = [load("quick", [text]) for text in spellings]
    assert len({experiment.name for experiment in found}) == 1
    assert len({experiment.about.overrides for experiment in found}) == 1
    hashes = {config_hash("nasbench201", "darts-1level", e.arm("nasbench201", "darts-1level").protocol) for e in found}
    assert len(hashes) == 1
    again = load("quick", found[-1].about.overrides)  # as a record's are
    assert (again.name, again.about.overrides) == (found[0].name, found[0].about.overrides)


def test_a_committed_experiment_keeps_its_name():
    plain = ("supernet.bn_momentum=0.1", "measure.eigenvalue_every=0", "measure.landscape=0")
    found = load("reduced", plain)
    assert found.name == "reduced+5754bf4e"
    assert found.about.overrides == tuple(sorted(plain))


@pytest.mark.parametrize(("value", "seeds"), [("4-5", (4, 5)), ("'4-5'", (4, 5)), ('"4,5"', (4, 5)), ("4", (4,))])
def test_the_seeds_can_be_overridden(value, seeds):
    assert load("quick", [f"seeds={value}"]).seeds == seeds


def test_an_override_beats_what_a_space_says_of_its_own():
    assert load("quick").arm("nasbench201", "darts").protocol.training.alpha_batches == "fresh"
    found = load("quick", ["training.alpha_batches=replacement"])
    assert found.arm("nasbench201", "darts").protocol.training.alpha_batches == "replacement"
    assert found.arm("nasbench201", "darts").protocol.training.clip_mix is True  # the space's other values stay


def test_an_override_of_a_method_beats_what_a_space_says_of_it(written, minimal):
    path = written(text=minimal + "\n[space.nasbench201.methods.sdarts-rs]\nepsilon = 0.5\n")
    found = load(path, ["methods.sdarts-rs.epsilon=0.7"])
    assert found.arm("nasbench201", "sdarts-rs").protocol.params.epsilon == 0.7


def test_an_override_of_a_space_beats_an_override_of_the_whole():
    found = load("quick", ["training.batch=16", "space.nasbench201.training.batch=32"])
    assert found.arm("nasbench201", "darts").protocol.training.batch == 32
    assert found.arm("nasbench1shot1-1", "darts").protocol.training.batch == 16


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("0-3", (0, 1, 2, 3)),
        ("5", (5,)),
        ("0,2,5", (0, 2, 5)),
        ("3,0-2", (3, 0, 1, 2)),
        ("1,0-2,1", (1, 0, 2)),
        (" 0 , 2 ", (0, 2)),
    ],
)
def test_seeds_are_read_as_written(text, seeds):
    assert parse_seeds(text) == seeds


def test_a_method_may_train_otherwise_and_an_override_beats_it():
    experiment = load("paper-nb201-adl")
    assert experiment.arm("nasbench201", "darts").protocol.training.order == "weights-first"
    assert experiment.arm("nasbench201", "darts-2nd").protocol.training.order == "alpha-first"
    overridden = load("paper-nb201-adl", ["training.order=weights-first"])
    assert overridden.arm("nasbench201", "darts-2nd").protocol.training.order == "weights-first"


def test_of_training_a_space_beats_a_method_and_its_own_method_the_space(written, minimal):
    text = """
    [methods.darts.training]
    batch = 8
    [space.nasbench201.training]
    batch = 16
    [space.nasbench201.methods.darts-2nd.training]
    batch = 24
    """
    experiment = load(written(text=minimal + text))
    sizes = {name: experiment.arm("nasbench201", name).protocol.training.batch for name in ("darts", "darts-2nd")}
    assert sizes == {"darts": 16, "darts-2nd": 24}


def test_an_override_of_a_methods_training_beats_the_whole_and_what_a_file_says_of_spaces():
    """In whatever order they come; that of a space beats it in turn."""
    both = ["methods.darts.training.lr=0.5", "training.lr=0.05"]
    for overrides in (both, both[::-1]):
        experiment = load("paper", overrides)
        rates = [experiment.arm("nasbench201", name).protocol.training.lr for name in ("darts", "sdarts-rs")]
        assert rates == [0.5, 0.05]
    experiment = load("reduced", ["methods.darts.training.clip_mix=false"])  # the file sets it for the space
    mixes = [experiment.arm("nasbench201", name).protocol.training.clip_mix for name in ("darts", "sdarts-rs")]
    assert mixes == [False, True]
    beaten = load("paper", ["space.nasbench201.training.lr=0.7", *both])
    assert beaten.arm("nasbench201", "darts").protocol.training.lr == 0.7
    assert beaten.arm("nasbench1shot1-1", "darts").protocol.training.lr == 0.5


def test_an_override_of_retraining_leaves_the_rest_of_the_experiment():
    assert load("quick", ["retrain.recipe="]).retrain.recipe == ""
    assert load("quick").retrain.recipe == "quick"
