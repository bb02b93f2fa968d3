"""Every command that writes keeps what is there unless it is told to replace it, and refuses in one line."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import typer

from bench import cli
from bench.experiments import reading as configs
from bench.protocol import config_hash
from bench.runs import archive, checkpoint
from bench.search import Position
from results.records.record import IMPORTED, Record
from results.records.record_file import METADATA_KEY
from results.records.run import Run
from results.records.store import Store
from results.scores.score import Score, merge_scores, read_scores

SKIP = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"
RUN = Run("own", "nasbench201", "darts", 0)
RUNS = Path("results/runs")
SEARCH = ["--space", "nasbench201", "--method", "darts", "--seeds", "0", "--workers", "1", "--device", "cpu"]
OTHER = "f" * 16  # a protocol
LANDSCAPE = pd.DataFrame({"kind": ["plane"], "x": [0.0], "y": [0.0], "valid_accuracy": [50.0]})

#: Commands that write nothing.
READERS = {
    *("plan", "check", "list", "compare", "score", "info", "cite", "doctor", "watch", "collapse"),
    *("data status", "data verify"),
}


@pytest.fixture(scope="module")
def searched(dnas_each, tmp_path_factory):
    """A folder with own.toml, the record of its one run, and its retrained cell."""
    folder = tmp_path_factory.mktemp("searched")
    text = (configs.FOLDER / "quick.toml").read_text()
    for old, new in {
        "epochs = 8": "epochs = 2",
        "batch = 64": "batch = 8",
        "channels = 8": "channels = 2",
        'dataset = "digits"': 'dataset = "digits"\nlimit = 40',
        "eigenvalue_every = 4": "eigenvalue_every = 0",
        "landscape = 9": "landscape = 0",
        'recipe = "quick"': 'recipe = ""',
    }.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "own.toml").write_text(text)
    (answer,) = dnas_each([(["run", "own.toml", *SEARCH], folder, {})])
    assert answer.status == 0, answer.err
    return folder


def found(folder):
    return Store(folder / RUNS).read(RUN)


def planned(folder):
    experiment = configs.load(str(folder / "own.toml"))
    return config_hash("nasbench201", "darts", experiment.arm("nasbench201", "darts").protocol)


def put(folder, record):
    store = Store(folder / RUNS)
    shutil.rmtree(store.root)
    store.write(record)
    return RUNS / store.path(record.run).relative_to(store.root)


def longer(folder):
    """Edit the experiment: what is there is of another protocol now."""
    path = folder / "own.toml"
    path.write_text(path.read_text().replace("epochs = 2", "epochs = 3"))
    return RUNS / "own/nasbench201/darts/seed-000.parquet"


def imported(folder):
    record = found(folder)
    return put(folder, Record(RUN, record.points, record.manifest.changed(config_hash=IMPORTED)))


def newer(folder):
    """Make the record one of a later version."""
    path = Store(folder / RUNS).path(RUN)
    table = pq.read_table(path)
    manifest = json.loads(table.schema.metadata[METADATA_KEY]) | {"schema": 2}
    pq.write_table(table.replace_schema_metadata({METADATA_KEY: json.dumps(manifest)}), path)
    return RUNS / "own/nasbench201/darts/seed-000.parquet"


def misfiled(folder):
    """Give the record of seed 1 the name of seed 0's."""
    record, store = found(folder), Store(folder / RUNS)
    run = Run(*("own", "nasbench201", "darts"), 1)
    store.write(Record(run, record.points, record.manifest.changed(run=run)))
    store.path(run).replace(store.path(RUN))
    return RUNS / "own/nasbench201/darts/seed-000.parquet"


def begun(folder, config_hash=OTHER, number=1.0, store=RUNS):
    """Leave nothing but a checkpoint."""
    root = folder / store
    shutil.rmtree(root, ignore_errors=True)
    tensors = {"weights": torch.full((2,), number)}
    checkpoint.save(
        root, checkpoint.Checkpoint(RUN, Position(1), {"config_hash": config_hash, "group": [0]}, [], tensors)
    )
    return store / checkpoint.path(root, RUN, (1, 0)).relative_to(root)


def landscape(folder, config_hash=OTHER, store=RUNS, **values):
    """Leave nothing but a landscape."""
    found = Store(folder / store)
    shutil.rmtree(found.root, ignore_errors=True)
    found.write_side(RUN, "landscape", LANDSCAPE.assign(**values), config_hash)
    return store / found.side_path(RUN, "landscape").relative_to(found.root)


def trained(folder):
    """Leave a table of retrained cells, of another length than the recipe's, and ask for the recipe."""
    path = folder / "own.toml"
    path.write_text(path.read_text().replace('recipe = ""', 'recipe = "quick"'))
    merge_scores(folder / RUNS / "own/retrained.parquet", [score(61.0, "retrained", "retrain-own", "digits")])
    return RUNS / "own/retrained.parquet"


def score(test, source="table", release="a release", dataset="cifar10"):
    return Score("nasbench201", SKIP, dataset, None, test, (), (test,), source, release, 77)


def page(folder):
    (folder / "out").mkdir()
    (folder / "out/index.html").write_text("by hand")
    return Path("out/index.html")


def packed(folder):
    (folder / "out").mkdir()
    (folder / "out" / archive.NAME).write_text("of the user")
    return Path("out") / archive.NAME


def elsewhere(folder, record=None):
    """Make a store that holds another record of the run."""
    record = record or found(folder)
    other = Record(RUN, record.points.assign(train_loss=1.0), record.manifest)
    Store(folder / "elsewhere").write(other)
    return RUNS / "own/nasbench201/darts/seed-000.parquet"


def elsewhere_to_an_import(folder):
    record = found(folder)
    path = imported(folder)
    return elsewhere(folder, record) and path


def other_checkpoint(folder):
    begun(folder, store=Path("elsewhere"), number=2.0)
    return begun(folder)


def other_landscape(folder):
    landscape(folder, store=Path("elsewhere"), x=1.0)
    return landscape(folder)


def other_scores(folder):
    merge_scores(folder / "elsewhere/scores.parquet", [score(62.0)])
    merge_scores(folder / RUNS / "scores.parquet", [score(61.0)])
    return RUNS / "scores.parquet"


def other_retrained(folder):
    for root, test in ((folder / "elsewhere", 62.0), (folder / RUNS, 61.0)):
        merge_scores(root / "own/retrained.parquet", [score(test, "retrained", "retrain-own", "digits")])
    return RUNS / "own/retrained.parquet"


def other_csv(folder):
    (folder / "own.csv").write_text(f"epoch,arch\n0,{SKIP}\n1,{SKIP}\n")
    return RUNS / "own/nasbench201/darts/seed-000.parquet"


def other_archive(folder):
    (folder / "data/cifar10").mkdir(parents=True)
    (folder / "data/cifar10/cifar-10-binary.tar.gz").write_text("of the user")
    return Path("data/cifar10/cifar-10-binary.tar.gz")


def other_table(folder):
    (folder / "data").mkdir()
    (folder / "a.tfrecord").write_text("of the user")
    pq.write_table(pa.table({"x": [1]}), folder / "data/nasbench101.parquet")
    return Path("data/nasbench101.parquet")


OWN = ["run", "own.toml", *SEARCH]
MERGE = ["merge", "elsewhere"]

#: What is there, the command that would replace it, and whether the command ends well with --replace.
CASES = {
    "run: another protocol": (longer, OWN, True),
    "run: an import": (imported, OWN, True),
    "run: a later version": (newer, OWN, True),
    "run: another run's record": (misfiled, OWN, True),
    "run: a checkpoint": (begun, OWN, True),
    "run: a landscape": (landscape, OWN, True),
    "run: retrained cells": (trained, OWN, True),
    "retrain: retrained cells": (trained, ["retrain", "own.toml", *SEARCH[:4], *SEARCH[-2:]], True),
    "reproduce: another protocol": (longer, ["reproduce", *OWN[1:], "--reports", "out"], True),
    "reproduce: a page": (page, ["reproduce", *OWN[1:], "--reports", "out"], True),
    "report: a page": (page, ["report", "--reports", "out"], True),
    "show: a page": (page, ["show", str(RUN), "--html", "out/index.html"], True),
    "export: an archive": (packed, ["export", "out"], True),
    "merge: a record": (elsewhere, MERGE, True),
    "merge: an import": (elsewhere_to_an_import, MERGE, True),
    "merge: a checkpoint": (other_checkpoint, MERGE, True),
    "merge: a landscape": (other_landscape, MERGE, True),
    "merge: scores": (other_scores, MERGE, True),
    "merge: retrained cells": (other_retrained, MERGE, True),
    "merge: a CSV": (other_csv, ["merge", "--from-csv", "own.csv", "--as", str(RUN)], True),
    "import: a table": (other_csv, ["import", "own.csv", "--as", str(RUN)], True),
    "data fetch: an archive": (other_archive, ["data", "fetch", "cifar10"], False),  # there is no network
    "data convert: a table": (other_table, ["data", "convert", "a.tfrecord"], False),  # nor a true source
}


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def answers(searched, dnas_each, tmp_path_factory):
    """Each case's paths, files before and after, and answers: refused, planned, and with --replace."""
    commands, made = [], {}
    for name, (make, arguments, _) in CASES.items():
        folder = tmp_path_factory.mktemp("case") / "user"
        shutil.copytree(searched, folder)
        there = make(folder)
        environment = {"DNAS_OFFLINE": "1"} | ({"DNAS_DATA": "data"} if (folder / "data").exists() else {})
        made[name] = folder, there, files(folder)
        commands.append((arguments, folder, environment))
    refused = dict(zip(CASES, dnas_each(commands), strict=True))
    kept = {name: files(folder) for name, (folder, _, _) in made.items()}
    runs = [(["plan", "own.toml", *SEARCH[:6]], made[name][0], {}) for name in CASES if name.startswith("run:")]
    as_json = [([*arguments, "--json"], folder, more) for arguments, folder, more in runs]
    plans = dnas_each(runs + as_json)
    again = [([*arguments, "--replace"], folder, more) for arguments, folder, more in commands]
    replaced = dict(zip(CASES, dnas_each(again), strict=True))
    return made, refused, kept, plans, replaced


@pytest.mark.parametrize("name", CASES)
def test_what_is_there_stays_and_is_named(answers, name):
    made, refused, kept, _, _ = answers
    _, there, before = made[name]
    answer = refused[name]
    assert answer.status == 2, answer.err
    (line,) = answer.err.splitlines()
    assert line.startswith("dnas: ")
    assert f"{there} is " in line
    assert "--replace replaces it" in line
    assert kept[name] == before


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("run:")])
def test_the_plan_says_the_same(answers, name):
    made, refused, _, plans, _ = answers
    names = [each for each in CASES if each.startswith("run:")]
    text, document = plans[names.index(name)], plans[len(names) + names.index(name)].document
    assert text.status == 0
    (line,) = [line for line in text.out.splitlines() if line.startswith("'dnas run' refuses: ")]
    assert line.partition(": ")[2] == refused[name].err.strip().partition(": ")[2]
    (entry,) = document["in_the_way"]
    assert entry["path"] == str(made[name][1])
    assert f"{entry['path']} is {entry['what']};" in line


@pytest.mark.parametrize("name", CASES)
def test_it_is_replaced_on_demand(answers, name):
    made, _, _, _, replaced = answers
    folder, there, before = made[name]
    answer, well = replaced[name], CASES[name][2]
    assert answer.status == (0 if well else 2), answer.err
    assert "--replace" not in answer.err
    left = files(folder)
    if well:
        assert left.get(there) != before[there]
    else:
        assert left == before


def test_the_run_of_the_new_protocol_is_recorded(answers):
    folder = answers[0]["run: another protocol"][0]
    assert len(found(folder).points) == 4
    assert found(folder).config_hash == planned(folder)


def test_every_command_is_known_to_read_or_to_keep_what_is_there():
    group = typer.main.get_command(cli.commands())
    commands = {}
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        commands |= {f"{name} {each}": one for each, one in inner.items()} if inner else {name: command}
    writers = {name.partition(":")[0] for name in CASES}
    assert commands.keys() == READERS | writers
    replacing = {n for n, c in commands.items() if any("--replace" in p.opts for p in c.params)}
    assert replacing == writers


def test_a_failed_record_replaces_no_result_and_is_replaced(searched, dnas_each, tmp_path):
    folder = tmp_path / "user"
    shutil.copytree(searched, folder)
    record = found(folder)
    failed = Record(RUN, record.points.iloc[:0], record.manifest.changed(status="failed", config_hash=OTHER))
    Store(folder / "elsewhere").write(failed)
    (merged,) = dnas_each([([*MERGE, "--replace"], folder, {})])
    assert (merged.status, found(folder).same(record)) == (2, True)
    put(folder, failed)
    (again,) = dnas_each([(OWN, folder, {})])
    assert again.status == 0, again.err
    assert found(folder).same(record)


def test_a_damaged_checkpoint_and_record_are_named_and_kept(searched, dnas_each, tmp_path):
    folder = tmp_path / "user"
    shutil.copytree(searched, folder)
    record, damaged = found(folder), begun(folder)
    (folder / damaged).write_bytes(b"damaged")
    path = Store(folder / RUNS).path(RUN)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PAR1")
    plan, document, run = dnas_each(
        [
            (["plan", "own.toml", *SEARCH[:6]], folder, {}),
            (["plan", "own.toml", *SEARCH[:6], "--json"], folder, {}),
            (OWN, folder, {}),
        ]
    )
    named = [str(RUNS / path.relative_to(folder / RUNS)), str(damaged)]
    assert all(f"{name} is damaged; 'dnas run' keeps it under another name" in plan.out for name in named)
    assert document.document["damaged"] == named
    assert run.status == 0, run.err
    lines = run.out.splitlines()
    assert lines[:2] == [f"{name} is damaged; it is kept as {Path(name).name}.damaged" for name in named]
    assert (folder / f"{damaged}.damaged").read_bytes() == b"damaged"
    assert path.with_name("seed-000.parquet.damaged").read_bytes() == b"PAR1"
    assert found(folder).same(record)


def test_a_store_has_its_own_scores_and_older_layouts_are_read(searched, dnas_each, tmp_path):
    folder = tmp_path / "user"
    shutil.copytree(searched, folder)
    merge_scores(folder / "results/scores.parquet", [score(54.0)])
    merge_scores(folder / "elsewhere/scores.parquet", [score(55.0, release="another release")])
    (folder / "elsewhere/runs").mkdir()
    scored, merged = dnas_each(
        [
            (["score", "nasbench201", SKIP], folder, {}),
            (["merge", "elsewhere/runs"], folder, {}),
        ]
    )
    assert "54.00 %" in scored.out, scored.err
    assert merged.out == f"filed: {folder}/elsewhere/scores.parquet ({RUNS}/scores.parquet)\n"
    assert [each.test for each in read_scores(folder / RUNS / "scores.parquet")] == [55.0]
    assert [each.test for each in read_scores(folder / "results/scores.parquet")] == [54.0]


def test_another_programs_file_beside_the_store_is_none_of_ours(searched, dnas_each, tmp_path):
    folder = tmp_path / "user"
    shutil.copytree(searched, folder)
    pq.write_table(pa.table({"game": ["chess"]}), folder / "results/scores.parquet")
    before = (folder / "results/scores.parquet").read_bytes()
    longer(folder)
    answers = dnas_each(
        [([*OWN, "--replace"], folder, {}), (["check"], folder, {}), (["merge", str(RUNS)], folder, {})]
    )
    assert [answer.status for answer in answers] == [0, 0, 0], [answer.err for answer in answers]
    assert (folder / "results/scores.parquet").read_bytes() == before
