"""What cannot be used is refused in one line that says how to fix it, with status 2, and nothing is left behind."""

import numpy as np
import pytest

SKIP = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"
TINY = ["--space", "nasbench201", "--method", "random", "--seeds", "0", "--workers", "1"]

#: Arguments, and what the line must hold.
REFUSED = {
    "experiment": (["reproduce", "quik"], "unknown experiment 'quik'; did you mean 'quick'?"),
    "experiment's file": (["run", "own.toml"], "no file 'own.toml'; name one that exists"),
    "space": (["run", "--space", "nasbench200"], "unknown space 'nasbench200'; did you mean 'nasbench201'?"),
    "method": (["run", "--method", "sdart-rs"], "unknown method 'sdart-rs'; did you mean 'sdarts-rs'?"),
    "senseless pair": (
        ["run", "quick", "--space", "nasbench1shot1-1", "--method", "darts-minus"],
        "it adds a skip connection to every edge, and this space has none",
    ),
    "key": (["run", "-o", "training.epoch=2"], "unknown key 'training.epoch'; did you mean 'epochs'?"),
    "type": (
        ["run", "-o", "training.epochs=two"],
        "training.epochs = 'two' is not allowed: input should be a valid integer",
    ),
    "negative epochs": (
        ["run", "-o", "training.epochs=-1"],
        "training.epochs = -1 is not allowed: input should be greater than or equal to 1",
    ),
    "override": (["run", "-o", "training.epochs"], "write key=value"),
    "recipe": (["run", "-o", "retrain.recipe=quik"], "did you mean 'quick'?"),
    "seeds": (["run", "--seeds", "0..3"], "write 0-3 or 0,2,5"),
    "budget": (["run", "--budget", "soon"], "write 90s, 9m or 2h"),
    "device": (["run", "--device", "gpu"], "choose auto, cpu or cuda"),
    "engine": (["run", "--engine", "rai"], "unknown engine 'rai'; did you mean 'ray'?"),
    "form of convolution": (["run", "--conv-form", "groped"], "did you mean 'grouped'?"),
    "plan": (["plan", "quick", "--method", "dart"], "did you mean 'darts'?"),
    "cell of nasbench201": (["score", "nasbench201", "|skip~0|"], "write |op~0|+|op~0|op~1|+|op~0|op~1|op~2|"),
    "operation": (["score", "nasbench201", SKIP.replace("skip_connect~2", "skip~2")], "unknown operation 'skip'"),
    "cell of nasbench1shot1": (
        ["score", "nasbench1shot1-1", "1x1:conv3x3"],
        "write BITS:OPS, as in 110001100110111:",
    ),
    "cell out of reach": (["score", "nasbench1shot1-1", "1:"], "see dnas info nasbench1shot1-1"),
    "cell without a score": (["score", "nasbench201", SKIP], "'dnas data status' names the tables that are missing"),
    "info": (["info", "nasbench"], "unknown space 'nasbench'"),
    "cite": (["cite", "dart"], "did you mean 'darts'?"),
    "run's name": (["show", "quick"], "write EXPERIMENT/SPACE/METHOD/SEED"),
    "missing run": (["show", "quick/nasbench201/darts/0"], "'dnas list' names those that exist"),
    "folders": (["compare", "here", "there"], "here is not a folder of records; name a folder"),
    "missing images": (["run", "reduced", *TINY], "CIFAR-10 is missing: put train-*.parquet"),
    "truncated images": (["run", "reduced", *TINY], "train-00000-of-00001.parquet is damaged"),
    "other images": (["run", "reduced", *TINY], "are not the 60,000 official images; fetch them again"),
    "truncated table": (["score", "nasbench201", SKIP], "'dnas data convert' with --replace makes it anew"),
    "size of images": (["run", *TINY, "-o", "images.size=5"], "choose a size that divides 8"),
    "small images": (["run", *TINY, "-o", "images.size=1"], "images.size = 1 is out of range; nasbench201 needs"),
    "many epochs": (
        ["run", "-o", "training.epochs=100000000000000000000"],
        "input should be less than or equal to 99999",
    ),
    "momentum": (
        ["plan", "-o", "training.momentum=1.5"],
        "training.momentum = 1.5 is not allowed: input should be less than 1",
    ),
    "last rate": (["plan", "-o", "training.lr_min=5"], "training.lr_min = 5.0 is above training.lr = 0.025"),
    "number of images": (["run", *TINY, "-o", "images.limit=99999"], "images.limit is 99999; digits has 1 to 1536"),
    "store": (["run", *TINY, "--runs", "file/runs"], "cannot use file/runs: Not a directory; choose another folder"),
    "folder of reports": (["reproduce", "quick", *TINY, "--reports", "file/x"], "cannot use file/x: Not a directory"),
    "experiment to report": (["report", "nothing"], "no record of experiment 'nothing' under results/runs"),
    "records to merge": (["merge"], "name a folder or an archive, or use --from-csv with --as"),
    "place outside the store": (
        ["merge", "--from-csv", "x.csv", "--as", "../nasbench201/darts/0"],
        "not part of a run's",
    ),
    "mistyped data directory": (["check"], "nowhere, which is not a folder; correct or unset it"),
    "mistyped data directory of a run": (["run", *TINY], "nowhere, which is not a folder; correct or unset it"),
    "mistyped store": (["list", "--runs", "result/runs"], "result/runs is not a folder of records; correct --runs"),
    "store of a plan": (["plan", "--runs", "result/runs"], "result/runs is not a folder of records"),
    "store of a report": (["report", "--runs", "result"], "result is not a folder of records; correct --runs"),
    "option that is none": (["run", "--metod", "darts"], "no such option: --metod; did you mean '--method'?"),
    "part of a store": (["compare", "store/quick", "store"], "store/quick holds no records; did you mean store?"),
    "store that is none": (["check", "--runs", "."], ". holds no records; correct --runs"),
    "stores that are none": (["compare", ".", "."], ". holds no records; name a folder such as results/runs"),
    "fetch": (["data", "fetch", "cifar11"], "cifar10"),
    "convert": (["data", "convert", "nothing.tfrecord"], "nothing.tfrecord"),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory, cifar_folder):
    """A working folder, with data directories that lack, cut off or replace something."""
    root = tmp_path_factory.mktemp("folders")
    truncated = root / "truncated" / "cifar10"
    truncated.mkdir(parents=True)
    for path in (cifar_folder[0] / "cifar10").iterdir():
        data = path.read_bytes()
        (truncated / path.name).write_bytes(data[: len(data) // 2] if path.name.startswith("train") else data)
    (root / "truncated" / "nasbench201.parquet").write_bytes(b"PAR1" + np.random.default_rng(0).bytes(300))
    (root / "empty").mkdir()
    places = {"truncated": root / "truncated", "other": cifar_folder[0], "missing": root / "empty"}
    return root, places | {"mistyped": root / "nowhere"}


@pytest.fixture(scope="module")
def answers(dnas_each, folders, tmp_path_factory):
    """How each was refused, and what was left in its working folder."""
    _, data = folders
    commands = []
    for name, (arguments, _) in REFUSED.items():
        cwd = tmp_path_factory.mktemp("cwd")
        (cwd / "file").write_text("a regular file")
        for folder in (".checkpoints", "quick/nasbench201"):
            (cwd / "store" / folder).mkdir(parents=True)
        kind = next((kind for kind in data if name.startswith(kind)), "missing")
        commands.append((arguments, cwd, {"DNAS_DATA": str(data[kind]), "DNAS_OFFLINE": "1"}))
    found = dnas_each(commands)
    left = [[str(p.relative_to(cwd)) for p in cwd.rglob("*") if p.is_file()] for _, cwd, _ in commands]
    return dict(zip(REFUSED, zip(found, left, strict=True), strict=True))


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_refused_in_one_line_and_leaves_nothing(answers, name):
    answer, left = answers[name]
    lines = answer.err.splitlines()
    assert len(lines) == 1, answer.err
    assert lines[0].startswith("dnas: ")
    assert REFUSED[name][1] in lines[0]
    assert answer.status == 2
    assert answer.out == ""
    assert left == ["file"]
