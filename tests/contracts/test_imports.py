"""What import-linter cannot say: names are told apart, and importing costs little and does nothing else."""

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("bench", "spaces", "results", "reports")


def test_no_two_modules_have_one_name():
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert len(files) > 100
    names = Counter(path.stem for path in files if path.stem != "__init__")
    assert [name for name, count in names.items() if count > 1] == []


def test_importing_does_nothing_and_no_torch_is_needed_to_report(child, tmp_path):
    done = child(["-m", "tests.contracts.watch"], cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_quick_commands_load_little(child):
    done = child(["-m", "tests.contracts.quick_commands"], cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1,686,106 weights" in done.stdout
    assert "% (" in done.stdout


def test_a_search_needs_few_packages(child, cifar_folder, tmp_path):
    folder, checksum = cifar_folder
    tiny = ("supernet.channels=2", "supernet.cells=1", "training.epochs=1", "training.batch=4", "images.size=8")
    options = [
        *("--space", "nasbench201", "--method", "sdarts-rs", "--seeds", "0", "--device", "cpu", "--workers", "1")
    ]
    options += [
        part for override in (*tiny, "measure.landscape=0", "measure.eigenvalue_every=0") for part in ("-o", override)
    ]
    arguments = ["-m", "tests.contracts.few_packages", checksum, "run", "paper", *options]
    done = child(arguments, cwd=tmp_path, DNAS_DATA=str(folder), XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    for runs in ("first", "again"):
        assert len(list((tmp_path / runs).rglob("seed-000.parquet"))) == 1
