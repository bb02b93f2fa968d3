"""With the tables and images of the data directory."""

import pytest

from results.records.store import Store
from results.scores.score import read_scores

SKIP = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"
TINY = (
    "images.limit=64",
    "images.size=8",
    "supernet.channels=2",
    "training.epochs=1",
    "training.batch=16",
    "measure.landscape=0",
    "measure.eigenvalue_every=0",
)

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def answers(dnas_each, data_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("user")
    search = ["run", "reduced", "--space", "nasbench201", "--method", "sdarts-adv", "--seeds", "0-1", "--workers", "1"]
    commands = {
        "score": ["score", "nasbench201", SKIP, "--json"],
        "score text": ["score", "nasbench201", SKIP],
        "run": [*search, *(part for override in TINY for part in ("-o", override))],
        "show": ["list", "--json"],
        "stats": ["info", "nasbench201", "--stats", "--json"],
    }
    found = dnas_each([(arguments, folder, {"DNAS_DATA": str(data_dir)}) for arguments in commands.values()])
    return dict(zip(commands, found, strict=True)), folder


def test_the_all_skip_cell_scores_as_published(answers):
    document = answers[0]["score"].document
    assert document["test"] == {
        "cifar10": pytest.approx(54.30, abs=0.005),
        "cifar100": pytest.approx(15.61, abs=0.005),
        "ImageNet16-120": pytest.approx(16.32, abs=0.015),
    }
    assert document["scores"]["cifar10"]["epochs"] == 200
    assert "test  54.30" in answers[0]["score text"].out


def test_the_best_cells_are_the_published_ones(answers):
    stats = answers[0]["stats"].document["stats"]
    assert {name: numbers["scored"] for name, numbers in stats.items()} == dict.fromkeys(stats, 15_625)
    assert stats["cifar10"]["best_test_mean"] == pytest.approx(94.37, abs=0.01)
    assert stats["cifar100"]["best_test_mean"] == pytest.approx(73.51, abs=0.01)
    assert stats["ImageNet16-120"]["best_test_mean"] == pytest.approx(47.31, abs=0.01)


def test_a_search_of_cifar10_runs_and_is_scored(answers):
    found, folder = answers
    assert found["run"].status == 0, found["run"].err
    records = Store(folder / "results" / "runs").records()
    assert [(r.run.method, r.run.seed, r.complete, len(r.points)) for r in records] == [
        ("sdarts-adv", 0, True, 2),
        ("sdarts-adv", 1, True, 2),
    ]
    archs = {arch for record in records for arch in record.points["arch"]}
    scores = read_scores(folder / "results" / "runs" / "scores.parquet")
    assert {(s.arch, s.dataset) for s in scores} == {
        (arch, dataset) for arch in archs for dataset in ("cifar10", "cifar100", "ImageNet16-120")
    }
    assert all(9 < s.test < 95 for s in scores if s.dataset == "cifar10")
    assert f"score: {3 * len(archs)} of {3 * len(archs)} architectures" in found["run"].out
