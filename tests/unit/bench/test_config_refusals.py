"""What no experiment may hold, and the one line that says so."""

import pytest

from bench.experiments.reading import load, parse_seeds
from results.errors import InputError


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
        ("seed=3", "unknown key 'seed'; did you mean 'seeds'?"),
        ("supernet.chanels=2", "unknown key 'supernet.chanels'; did you mean 'channels'?"),
        ("measure.landscapes=2", "did you mean 'landscape'?"),
        ("images.crop=2", "unknown key 'images.crop'"),
        ("methods.sdarts-adv.step=2", "unknown key 'methods.sdarts-adv.step'; did you mean 'steps'?"),
        ("methods.darts.epsilon=2", "unknown key 'methods.darts.epsilon'"),
        ("methods.sdart-rs.epsilon=2", "unknown method 'sdart-rs'; did you mean 'sdarts-rs'?"),
        ("space.nasbench20.training.batch=2", "unknown space 'space.nasbench20'"),
        ("space.nasbench201.train.batch=2", "unknown key 'space.nasbench201.train'; did you mean 'training'?"),
        ("space.nasbench201.training.bach=2", "unknown key 'space.nasbench201.training.bach'; did you mean 'batch'?"),
        ("methods.darts.training.bach=2", "unknown key 'methods.darts.training.bach'; did you mean 'batch'?"),
        ("methods.gdas.tua=3", "unknown key 'methods.gdas.tua'; did you mean 'tau'?"),
        ("space.darts.supernet.layer=5", "unknown key 'space.darts.supernet.layer'; did you mean 'layers'?"),
        ("space.darts.methods.gdas.measure.epochs=5", "unknown key 'space.darts.methods.gdas.measure.epochs'"),
        ("variants.v.params.epsilom=5", "the variant 'v' lacks 'method'"),
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
        ("training.epochs=2.5", "training.epochs = 2.5 is not allowed: input should be a valid integer"),
        ("training.epochs=true", "training.epochs = True is not allowed: input should be a valid integer"),
        ("training.epochs=two", "training.epochs = 'two' is not allowed: input should be a valid integer"),
        ("training.lr='0.1'", "training.lr = '0.1' is not allowed: input should be a valid number"),
        ("training.nesterov=1", "training.nesterov = 1 is not allowed: input should be a valid boolean"),
        ("training.alpha_betas=0.5", "training.alpha_betas = 0.5 is not allowed: input should be a valid"),
        ("training.alpha_betas=[0.5]", "the key 'training.alpha_betas.1' is missing"),
        (
            "training.alpha_betas=[0.5, 'x']",
            "training.alpha_betas.1 = 'x' is not allowed: input should be a valid number",
        ),
        (
            "training.order=alpha",
            "training.order = 'alpha' is not allowed: input should be 'alpha-first' or 'weights-first'",
        ),
        ("training.order=[1]", "training.order = [1] is not allowed: input should be 'alpha-first'"),
        ("supernet.cell=old", "input should be 'current' or 'published'"),
        ("methods.dropnas.sub_steps=3", "input should be less than or equal to 2"),
        ("methods.dropnas.sub_steps=true", "input should be a valid integer"),
        ("seeds=true", "'True' is not a list of seeds; write 0-3 or 0,2,5"),
        ("images=3", "images = 3 is not allowed: input should be"),
        ("space=3", "space = 3 is not allowed: input should be"),
        ("space.nasbench201=3", "space.nasbench201 = 3 is not allowed: input should be"),
        ("space.nasbench201.training=3", "space.nasbench201.training = 3 is not allowed"),
        ("methods.darts=3", "methods.darts = 3 is not allowed"),
        ("methods.darts.training=3", "methods.darts.training = 3 is not allowed"),
        ("space.nasbench201.methods.darts=3", "space.nasbench201.methods.darts = 3 is not allowed"),
    ],
)
def test_a_wrong_type_is_refused_with_the_right_one(override, says):
    assert says in refusal(load, "quick", [override])


@pytest.mark.parametrize("later", ["space=3", "space.nasbench201=3", "space.nasbench201.training=3"])
def test_a_space_that_is_no_table_is_refused_whatever_else_is_overridden(later):
    assert "= 3 is not allowed" in refusal(load, "quick", [later, "training.epochs=2"])


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
        "training.momentum=nan",
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
        "methods.dropnas.lr=-5",
        "methods.dropnas.lr_min=inf",
        "methods.dropnas.clip=-1.0",
        "methods.dropnas.weight_decay=nan",
        "methods.dropnas.alpha_decay=-1.0",
        "methods.sdarts-rs.epsilon=nan",
        "methods.sdarts-rs.epsilon_start=-0.1",
        "methods.sdarts-adv.epsilon=inf",
        "methods.sdarts-adv.steps=-1",
        "methods.darts-2nd.radius=0.0",
    ],
)
def test_a_value_out_of_range_is_refused_by_its_key(override):
    message = refusal(load, "quick", [override])
    assert message.startswith(override.partition("=")[0])
    assert "is not allowed: input should be" in message or "out of range" in message


@pytest.mark.parametrize("override", ["methods.darts-1level.clip=-1.0", "methods.darts-1level.training.lr=nan"])
def test_a_value_of_a_method_that_is_not_run_is_refused_where_it_is_asked_for(override):
    experiment = load("quick", [override, 'run=["darts"]'])
    assert "is not allowed" in refusal(experiment.arm, "nasbench201", "darts-1level")


@pytest.mark.parametrize("override", ["training.epochs", "=2", ".epochs=2", "training..epochs=2", ""])
def test_what_is_no_override_is_refused(override):
    assert "is not an override; write key=value" in refusal(load, "quick", [override])


def test_a_value_is_no_table():
    assert "training.lr = {'start': 2} is not allowed" in refusal(load, "quick", ["training.lr.start=2"])
    assert "'lr' is not a table" in refusal(load, "quick", ["training.lr=2", "training.lr.start=2"])


def test_an_unknown_experiment_is_refused_with_the_nearest():
    message = refusal(load, "quik")
    assert "did you mean 'quick'?" in message
    assert "paper" in message


def test_a_file_that_is_no_toml_is_refused(tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text("spaces = [")
    assert "not a TOML file" in refusal(load, str(path))
    path.write_bytes(b"\xfe\xfe")
    assert "not a TOML file" in refusal(load, str(path))


def test_a_hidden_file_is_no_experiment(written):
    assert "rename '.own.toml'" in refusal(load, written(name=".own.toml"))


@pytest.mark.parametrize("key", ["spaces", "run", "seeds"])
def test_a_missing_key_is_named(written, minimal, key):
    text = "\n".join(line for line in minimal.splitlines() if not line.startswith(key))
    assert f"lacks the key '{key}'" in refusal(load, written(text=text))


def test_a_missing_value_is_named(written, minimal):
    text = minimal.replace("epochs = 2\n", "")
    assert refusal(load, written(text=text)) == "the key 'training.epochs' is missing"


@pytest.mark.parametrize("text", ["", "-1", "a", "1-", "0-x", "0,,1", "0:3", "1.5"])
def test_what_is_no_list_of_seeds_is_refused(text):
    assert refusal(parse_seeds, text) == f"'{text}' is not a list of seeds; write 0-3 or 0,2,5"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("3-1", "'3-1' names no seed; write the smaller one first, as in 1-3"),
        ("0,5-3", "'5-3' names no seed; write the smaller one first, as in 3-5"),
        ("0-99999", "'0-99999' names more than 10,000 seeds; name fewer"),
        ("0-9999,10000", "'0-9999,10000' names more than 10,000 seeds; name fewer"),
    ],
)
def test_no_seeds_and_too_many_are_refused(text, says):
    assert refusal(parse_seeds, text) == says


@pytest.mark.parametrize("text", ["9" * 20, "0-" + "9" * 20, "1" * 5000])
def test_a_seed_that_no_record_holds_is_refused(text):
    assert "a seed of more than 9 digits" in refusal(parse_seeds, text)
    assert len(refusal(parse_seeds, text)) < 120


@pytest.mark.parametrize("value", ["0x" + "f" * 4000, "\udcff", "'\udcff'"])
def test_a_value_that_cannot_be_written_down_is_refused(value):
    assert "cannot be written down" in refusal(load, "quick", [f"training.lr={value}"])


@pytest.mark.parametrize("value", ["nan", "-3", "0", "inf", "1.5"])
def test_a_momentum_of_batch_norms_is_a_share(value):
    assert "supernet.bn_momentum = " in refusal(load, "quick", [f"supernet.bn_momentum={value}"])


@pytest.mark.parametrize("override", ["supernet.channels=3521", "supernet.cells=1000000000"])
def test_a_supernet_that_no_machine_holds_is_refused_before_it_is_built(override):
    with pytest.raises(InputError, match="input should be less than or equal to"):
        load("quick", [override])
