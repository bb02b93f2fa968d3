import dataclasses

import pytest

from bench import config
from bench.config import ImagesConfig, config_hash, load, parse_seeds
from results.errors import InputError

MINIMAL = """
spaces = ["nasbench201"]
run = ["darts"]
seeds = "0-1"

[images]
dataset = "digits"

[training]
epochs = 2
batch = 8
lr = 0.025
lr_min = 0.001
lr_shifted = true
momentum = 0.9
nesterov = false
weight_decay = 3e-4
clip = 5
clip_mix = false
alpha_lr = 3e-4
alpha_betas = [0.5, 0.999]
alpha_decay = 1e-3
order = "alpha-first"
alpha_batches = "cycle"
"""


@pytest.fixture
def written(tmp_path):
    """Write an experiment file and return its path."""

    def write(*more, text=MINIMAL, name="own.toml"):
        path = tmp_path / name
        path.write_text("\n".join([*(line for line in more if not line.startswith("[")), text, *more[-1:]]))
        return str(path)

    return write


def refusal(action, *arguments):
    """The one line with which something is refused."""
    with pytest.raises(InputError) as refused:
        action(*arguments)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("training.epoch=2", "unknown key 'training.epoch'; did you mean 'epochs'?"),
        ("trainings.epochs=2", "unknown key 'trainings.epochs'; did you mean 'training'?"),
        ("seed=3", "unknown key 'seed' in experiment 'quick'; did you mean 'seeds'?"),
        ("supernet.chanels=2", "unknown key 'supernet.chanels'; did you mean 'channels'?"),
        ("measure.landscapes=2", "did you mean 'landscape'?"),
        ("images.crop=2", "unknown key 'images.crop'"),
        ("methods.sdarts-adv.step=2", "unknown key 'methods.sdarts-adv.step'; did you mean 'steps'?"),
        ("methods.darts.epsilon=2", "unknown key 'methods.darts.epsilon'"),
        ("methods.sdart-rs.epsilon=2", "unknown method 'sdart-rs'; did you mean 'sdarts-rs'?"),
        ("space.nasbench20.training.batch=2", "unknown space 'space.nasbench20'"),
        ("space.nasbench201.train.batch=2", "unknown key 'space.nasbench201.train'; did you mean 'training'?"),
        ("space.nasbench201.training.bach=2", "unknown key 'training.bach'; did you mean 'batch'?"),
        ('spaces=["nasbench200"]', "unknown space 'nasbench200'; did you mean 'nasbench201'?"),
        ('run=["dart"]', "unknown method 'dart'; did you mean 'darts'?"),
        ('order=["nasbench201/dart"]', "unknown method 'dart'"),
        ("images.dataset=digit", "unknown data set 'digit'; did you mean 'digits'?"),
        ("retrain.recipe=quik", "unknown recipe 'quik'; did you mean 'quick'?"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(override, says):
    assert says in refusal(load, "quick", [override])


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("training.epochs=2.5", "training.epochs = 2.5 should be of type int"),
        ("training.epochs=true", "training.epochs = True should be of type int"),
        ("training.epochs=two", "training.epochs = 'two' should be of type int"),
        ("training.lr='0.1'", "training.lr = '0.1' should be of type float"),
        ("training.nesterov=1", "training.nesterov = 1 should be of type bool"),
        ("training.alpha_betas=0.5", "training.alpha_betas = 0.5 should be of type"),
        ("training.alpha_betas=[0.5]", "training.alpha_betas = [0.5] should be of type"),
        ("training.alpha_betas=[0.5, 'x']", "training.alpha_betas = 'x' should be of type float"),
        ("training.order=alpha", "training.order = 'alpha' should be one of alpha-first, weights-first"),
        ("training.order=[1]", "training.order = [1] should be one of"),
        ("supernet.cell=old", "should be one of current, published"),
        ("methods.dropnas.sub_steps=3", "should be one of 1, 2"),
        ("methods.dropnas.sub_steps=true", "should be one of 1, 2"),
        ("seeds=true", "'True' is no list of seeds; write 0-3 or 0,2,5"),
        ("images=3", "'images' of experiment 'quick' should be a dict, not 3"),
        ("space=3", "'space' of experiment 'quick' should be a dict, not 3"),
        ("space.nasbench201=3", "'space.nasbench201' of experiment 'quick' should be a table, not 3"),
        ("space.nasbench201.training=3", "'space.nasbench201.training' should be a table, not 3"),
        ("methods.darts=3", "'methods.darts' should be a table, not 3"),
        ("space.nasbench201.methods.darts=3", "should be a table, not 3"),
    ],
)
def test_a_wrong_type_is_refused_with_the_right_one(override, says):
    assert says in refusal(load, "quick", [override])


@pytest.mark.parametrize("later", ["space=3", "space.nasbench201=3", "space.nasbench201.training=3"])
def test_a_space_that_is_no_table_is_refused_whatever_else_is_overridden(later):
    assert "should be a" in refusal(load, "quick", [later, "training.epochs=2"])


@pytest.mark.parametrize(
    "override",
    [
        "training.epochs=0",
        "training.epochs=-1",
        "training.batch=1",
        "training.lr=-0.1",
        "training.lr=nan",
        "training.lr=inf",
        "training.clip=-1.0",
        "training.alpha_betas=[0.5, 1.0]",
        "training.alpha_betas=[-0.5, 0.9]",
        "supernet.channels=0",
        "supernet.cells=0",
        "images.size=-8",
        "images.limit=-1",
        "images.limit=1",
        "images.crop_padding=-1",
        "measure.eigenvalue_every=-1",
        "measure.valid_images=-1",
        "measure.landscape=-1",
        "measure.landscape_images=0",
        "methods.dropnas.drop_rate=1.0",
        "methods.dropnas.drop_rate=-0.1",
        "methods.dropnas.drop_rate=nan",
        "methods.sdarts-adv.steps=-1",
        "methods.darts-2nd.radius=0.0",
    ],
)
def test_a_value_out_of_range_is_refused(override):
    assert "out of range" in refusal(load, "quick", [override])


@pytest.mark.parametrize("override", ["training.epochs", "=2", ".epochs=2", "training..epochs=2", ""])
def test_what_is_no_override_is_refused(override):
    assert "is no override; write key=value" in refusal(load, "quick", [override])


def test_a_value_is_no_table():
    assert "'lr' is no table" in refusal(load, "quick", ["training.lr.start=2"])


def test_an_unknown_experiment_is_refused_with_the_nearest():
    message = refusal(load, "quik")
    assert "did you mean 'quick'?" in message
    assert "paper" in message


def test_a_file_that_is_no_toml_is_refused(tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text("spaces = [")
    assert "not a TOML file" in refusal(load, str(path))
    path.write_bytes(b"\xff\xfe")
    assert "not a TOML file" in refusal(load, str(path))


def test_a_hidden_file_is_no_experiment(written):
    assert "rename '.own.toml'" in refusal(load, written(name=".own.toml"))


@pytest.mark.parametrize("key", ["spaces", "run", "seeds"])
def test_a_missing_key_is_named(written, key):
    text = "\n".join(line for line in MINIMAL.splitlines() if not line.startswith(key))
    assert f"lacks the key '{key}'" in refusal(load, written(text=text))


def test_a_missing_value_is_named(written):
    text = MINIMAL.replace("epochs = 2\n", "")
    assert refusal(load, written(text=text)) == "'training' lacks the key 'epochs'"


def test_an_experiment_is_read_from_a_file(written):
    found = load(written())
    assert (found.name, found.base) == ("own", "own")
    assert (found.spaces, found.methods, found.seeds) == (("nasbench201",), ("darts",), (0, 1))
    training = found.protocol("nasbench201", "darts").training
    assert training.clip == 5.0
    assert isinstance(training.clip, float)  # an integer in the file is the same protocol as its float
    assert training.alpha_betas == (0.5, 0.999)


def test_what_an_experiment_leaves_out_is_the_spaces_own(written):
    found = load(written())
    assert found.protocol("nasbench1shot1-1", "darts").supernet.bn_momentum == 0.997
    assert found.protocol("nasbench201", "darts").supernet.bn_momentum == 0.1
    assert found.protocol("nasbench201", "darts").images == ImagesConfig("digits")


def test_a_space_beats_its_family_and_the_family_the_experiment(written):
    scopes = """
[space.nasbench1shot1.training]
batch = 16
lr = 0.5
[space.nasbench1shot1-2.training]
batch = 32
[space.nasbench1shot1-2.methods.sdarts-rs]
epsilon = 0.5
"""
    found = load(written(text=MINIMAL + scopes))

    def training(space):
        protocol = found.protocol(space, "darts")
        return protocol.training.batch, protocol.training.lr

    assert training("nasbench201") == (8, 0.025)
    assert training("nasbench1shot1-1") == (16, 0.5)
    assert training("nasbench1shot1-2") == (32, 0.5)
    assert found.protocol("nasbench1shot1-2", "sdarts-rs").params.epsilon == 0.5
    assert found.protocol("nasbench1shot1-1", "sdarts-rs").params.epsilon == 0.3


def test_overrides_make_another_experiment():
    plain, one, again, other = (
        load("quick", overrides)
        for overrides in ([], ["training.epochs=3"], ["training.epochs=3"], ["training.epochs=4"])
    )
    assert plain.name == "quick"
    assert one.name.startswith("quick+")
    assert len(one.name) == len("quick+") + 8
    assert one.base == "quick"
    assert one.name == again.name != other.name
    assert one.protocol("nasbench201", "darts").training.epochs == 3


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
    assert one.protocol("nasbench201", "darts") == other.protocol("nasbench201", "darts")


def test_the_last_override_of_a_key_counts():
    twice, once = load("quick", ["training.epochs=3", "training.epochs=4"]), load("quick", ["training.epochs=4"])
    assert twice.protocol("nasbench201", "darts").training.epochs == 4
    assert twice.name == once.name


@pytest.mark.parametrize(("value", "seeds"), [("4-5", (4, 5)), ("'4-5'", (4, 5)), ('"4,5"', (4, 5)), ("4", (4,))])
def test_the_seeds_can_be_overridden(value, seeds):
    assert load("quick", [f"seeds={value}"]).seeds == seeds


def test_an_override_beats_what_a_space_says_of_its_own():
    assert load("quick").protocol("nasbench201", "darts").training.alpha_batches == "fresh"
    found = load("quick", ["training.alpha_batches=replacement"])
    assert found.protocol("nasbench201", "darts").training.alpha_batches == "replacement"
    assert found.protocol("nasbench201", "darts").training.clip_mix is True  # the space's other values stay


def test_an_override_of_a_method_beats_what_a_space_says_of_it(written):
    path = written(text=MINIMAL + "\n[space.nasbench201.methods.sdarts-rs]\nepsilon = 0.5\n")
    found = load(path, ["methods.sdarts-rs.epsilon=0.7"])
    assert found.protocol("nasbench201", "sdarts-rs").params.epsilon == 0.7


def test_an_override_of_a_space_beats_an_override_of_the_whole():
    found = load("quick", ["training.batch=16", "space.nasbench201.training.batch=32"])
    assert found.protocol("nasbench201", "darts").training.batch == 32
    assert found.protocol("nasbench1shot1-1", "darts").training.batch == 16


def leaves(value, path=()):
    """Every scalar of nested plain data, with its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


def changed(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value / 2 or 0.5
    if isinstance(value, tuple):
        return (value[0] / 2, *value[1:])
    return value + "x"


def replaced(protocol, path, value):
    table = getattr(protocol, path[0])
    return dataclasses.replace(protocol, **{path[0]: dataclasses.replace(table, **{path[1]: value})})


@pytest.mark.parametrize("method", ["sdarts-adv", "dropnas", "darts-2nd"])
def test_the_hash_changes_with_every_value_of_the_protocol(method):
    protocol = load("quick").protocol("nasbench201", method)
    paths = [path for path, _ in leaves(protocol.as_dict())]
    assert {path[0] for path in paths} == {"images", "supernet", "training", "measure", "params"}
    hashes = {config_hash("nasbench201", method, protocol)}
    for path, value in leaves(protocol.as_dict()):
        hashes.add(config_hash("nasbench201", method, replaced(protocol, path, changed(value))))
    assert len(hashes) == 1 + len(paths)


def test_the_hash_belongs_to_space_and_method():
    protocol = load("quick").protocol("nasbench1shot1-1", "darts")
    names = [(s, m) for s in ("nasbench1shot1-1", "nasbench1shot1-2") for m in ("darts", "random")]
    assert len({config_hash(space, method, protocol) for space, method in names}) == 4


def test_the_hash_does_not_change_with_what_is_no_protocol():
    plain = load("quick")
    for override in (
        "seeds=7-9",
        "description=other",
        'run=["darts"]',
        'order=["nasbench201/darts"]',
        "retrain.recipe=''",
    ):
        other = load("quick", [override])
        assert other.name != plain.name
        assert other.protocol("nasbench201", "darts") == plain.protocol("nasbench201", "darts")


@dataclasses.dataclass(frozen=True)
class Part:
    number: float = 0.1
    pair: tuple[int, int] = (1, 2)


def test_the_hash_is_the_same_in_every_version():
    # whoever changes this number makes every record ever made one of another plan
    protocol = config.Protocol(**{field.name: Part() for field in dataclasses.fields(config.Protocol)})
    assert config_hash("a-space", "a-method", protocol) == "4b78f57c665390a6"


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


@pytest.mark.parametrize("text", ["", "-1", "a", "1-", "0-x", "0,,1", "0:3", "1.5", "3-1", "0-99999"])
def test_what_is_no_list_of_seeds_is_refused(text):
    assert "seed" in refusal(parse_seeds, text)
