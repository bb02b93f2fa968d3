"""The demonstration on S2, cut down: searched, one cell chosen, trained beside two published ones, table and figure."""

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

SMALL = (
    *("images.dataset=digits", "images.size=0", "images.limit=48", "images.flip=false", "images.crop_padding=1"),
    *(
        "supernet.channels=2",
        "space.darts.supernet.layers=3",
        "training.epochs=1",
        "training.batch=24",
        "measure.valid_images=24",
    ),
)
ASKED = [part for override in SMALL for part in ("-o", override)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("user")


@pytest.fixture(scope="module")
def printed(dnas, folder):
    done = dnas("reproduce", "demo-s2", "--method", "darts", *ASKED, cwd=folder)
    assert done.status == 0, done.err
    return done.out


def test_one_cell_of_the_method_and_two_published_ones_are_trained(printed, folder):
    assert (
        "score: 3 of 3 chosen architectures scored by retraining; 1 arm waits for searches that have not ended"
        in printed
    )
    (path,) = folder.glob("results/runs/*/retrained.parquet")
    scores = pd.read_parquet(path)
    kinds = scores["release"].str.partition("-")[0].value_counts().to_dict()
    assert kinds["retrain"] == 3
    assert kinds["select"] in (1, 2)  # two seeds may end in the same cell
    assert scores["test"].between(0, 100).all()


def test_the_report_has_table_and_figure(printed, folder):
    (table,) = folder.glob("reports/tables/demo-s2-*-trained.csv")
    rows = pd.read_csv(table)
    assert sorted(rows["cell of"])[1:] == ["sdarts-adv-s2-c10 (published)", "sdarts-rs-s2-c10 (published)"]
    assert len(list(folder.glob("reports/figures/demo-s2-*-final-errors.svg"))) == 1
    assert "demonstration, overridden" in (folder / "reports" / "index.html").read_text(encoding="utf-8")


def test_the_same_command_trains_nothing_again(printed, dnas, folder):
    (path,) = folder.glob("results/runs/*/retrained.parquet")
    before = path.read_bytes()
    done = dnas("retrain", "demo-s2", *ASKED, cwd=folder)
    assert "3 of 3 chosen architectures scored by retraining" in done.out
    assert path.read_bytes() == before


def test_claims_about_other_experiments_are_untouched(printed, dnas, folder):
    verdicts = dnas("check", "--json", cwd=folder).document
    mine = [v for v in verdicts if v["id"] == "sdarts-darts-s2-c10"]
    assert [v["status"] for v in mine] == ["not-run"]
    assert mine[0]["selection"] == "the cell that validates best after a short training, last epoch"


def test_an_experiment_without_a_recipe_says_what_it_lacks(dnas, folder):
    done = dnas("retrain", "paper", cwd=folder)
    assert done.status == 2
    assert "'paper' does not say how to retrain; add [retrain] with a recipe to its file" in done.err
