"""What import-linter cannot say: names are told apart, and importing costs little and does nothing else."""

import shutil
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("bench", "spaces", "results", "reports")


def test_no_two_modules_have_one_name():
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert len(files) > 100
    names = Counter(path.stem for path in files if path.stem != "__init__")
    assert [name for name, count in names.items() if count > 1] == []


#: Imports the packages and prints, a line each, what that did besides.
WATCH = """
import importlib, logging, os, pkgutil, random, signal, sys, threading, warnings
from pathlib import Path

def every(package):
    found = importlib.import_module(package)
    yield package
    for module in pkgutil.walk_packages(found.__path__, package + "."):
        if not module.name.endswith("__main__"):
            yield module.name

def state():
    return {
        "the working folder": sorted(str(p) for p in Path.cwd().rglob("*")),
        "the home folder": sorted(str(p) for p in Path.home().rglob("*")),
        "the environment": dict(os.environ),
        "the path": list(sys.path),
        "handlers of signals": [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)],
        "logging": (list(logging.root.handlers), logging.root.level),
        "threads": [t.name for t in threading.enumerate()],
        "random": random.getstate(),
        "numpy": str(numpy.random.get_state()),
        "numpy's errors": numpy.geterr(),
        "pandas": pandas.describe_option(_print_desc=False),
    }

import numpy, pandas
before = state()
for package in ("results", "reports"):
    for name in every(package):
        importlib.import_module(name)
for name in ("spaces", "spaces.base", "spaces.graph", *every("spaces.families")):
    importlib.import_module(name)
import spaces
spaces.find("nasbench1shot1-1").parse("111:conv3x3")
for heavy in ("torch", "nasbench_pytorch", "nas_201_api", "sklearn"):
    if heavy in sys.modules:
        print("results, reports or the families import", heavy)
import matplotlib
if matplotlib.rcParams != matplotlib.rcParamsDefault and matplotlib.rcParams != matplotlib.rcParamsOrig:
    print("matplotlib's parameters changed")
import torch
torch_before = (torch.get_rng_state().tolist(), torch.get_num_threads(), torch.get_default_dtype(),
                torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark, torch.is_grad_enabled(),
                torch.get_float32_matmul_precision(), torch.backends.cuda.matmul.allow_tf32)
for package in ("spaces", "bench"):
    for name in every(package):
        importlib.import_module(name)
torch_after = (torch.get_rng_state().tolist(), torch.get_num_threads(), torch.get_default_dtype(),
               torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark, torch.is_grad_enabled(),
               torch.get_float32_matmul_precision(), torch.backends.cuda.matmul.allow_tf32)
if torch_after != torch_before:
    print("torch changed from", torch_before[1:], "to", torch_after[1:])
after = state()
for name, value in before.items():
    if after[name] != value:
        print(name, "changed from", value, "to", after[name])
"""


def test_importing_does_nothing_and_no_torch_is_needed_to_report(child, tmp_path):
    done = child(["-c", WATCH], cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


#: Runs commands one after the other, and prints what each has loaded that it can do without.
QUICK = """
import sys
from bench.cli import main

def loads(*words, without):
    sys.argv = ["dnas", *words]
    try:
        main()
    except SystemExit as end:
        assert not end.code, end.code
    found = [name for name in without if name in sys.modules]
    if found:
        print(words[0], "loads", found, file=sys.stderr)

tables = ("torch", "pandas", "scipy", "matplotlib")
loads("--help", without=(*tables, "numpy", "pyarrow"))
loads("info", "nasbench201", without=(*tables, "pyarrow"))
loads("score", "nasbench201", "|skip_connect~0|+|skip_connect~0|skip_connect~1|"
      "+|skip_connect~0|skip_connect~1|skip_connect~2|", without=tables)
"""


def test_quick_commands_load_little(child):
    done = child(["-c", QUICK], cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1,686,106 weights" in done.stdout
    assert "% (" in done.stdout


#: Searches images in the layout of CIFAR-10 with every package out of reach that a search must do without.
SEARCH = """
import sys
from importlib.abc import MetaPathFinder

class Without(MetaPathFinder):
    names = {"scipy", "sklearn", "matplotlib", "jinja2", "pooch", "platformdirs", "tqdm", "networkx",
             "nasbench_pytorch", "nas_201_api", "crc32c", "ray", "hypothesis", "pytest", "requests", "tensorflow"}
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"a search asked for {name}", name=name)

sys.meta_path.insert(0, Without())
from bench.images import datasets
datasets._CIFAR10_TRAIN, datasets.CIFAR10_SHA256 = 16, sys.argv.pop(1)
from bench.cli import main
main()
"""


def test_a_search_needs_few_packages(child, cifar_folder, tmp_path):
    folder, checksum = cifar_folder
    tiny = ("supernet.channels=2", "supernet.cells=1", "training.epochs=1", "training.batch=4", "images.size=8")
    options = [
        *("--space", "nasbench201", "--method", "sdarts-rs", "--seeds", "0", "--device", "cpu", "--workers", "1")
    ]
    options += [part for override in (*tiny, "measure.landscape=0") for part in ("-o", override)]
    arguments = ["-c", SEARCH, checksum, "run", "paper", "--runs", tmp_path / "runs", *options]
    done = child(arguments, cwd=tmp_path, DNAS_DATA=str(folder), XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "runs").rglob("seed-000.parquet"))) == 1
    shutil.rmtree(tmp_path / "runs")  # once decoded, images are there without a data directory
    again = child(arguments, cwd=tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert again.returncode == 0, again.stderr
    assert len(list((tmp_path / "runs").rglob("seed-000.parquet"))) == 1
