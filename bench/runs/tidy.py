"""What a process that was killed after its last record has left behind: nothing needs it any more."""

from __future__ import annotations

import re
from contextlib import ExitStack, suppress
from dataclasses import replace

from bench.experiments.reading import Experiment
from results.files.locks import Busy, hold
from results.records.run import Run
from results.records.store import Store

from . import checkpoint
from .plan import Filter, is_done

_SEED = re.compile(r"\.?seed-(\d+)\.")


def tidy(experiment: Experiment, store: Store, chosen: Filter) -> None:
    """Remove checkpoints, locks and half-written files where all runs that they are of are done and nobody holds them.

    A group of which a run is missing goes on from the checkpoints of all its seeds: there nothing is touched.
    Checkpoints of another protocol stay.
    """
    for space, method in chosen.pairs(experiment):
        like = Run(experiment.name, space, method, 0)
        folders = (checkpoint.folder(store.root, like), store.path(like).parent)
        left = [path for folder in folders for path in folder.glob("*") if path.suffix in (".ckpt", ".lock", ".part")]
        seeds = sorted({int(match[1]) for path in left if (match := _SEED.match(path.name))})
        planned = experiment.hash(space, method)
        if not seeds or not all(is_done(store, replace(like, seed=seed), planned) for seed in seeds):
            continue
        with suppress(Busy), ExitStack() as locks:
            for seed in seeds:
                locks.enter_context(hold(folders[0] / f"seed-{seed:03d}.lock"))
            for seed in seeds:
                checkpoint.remove(store.root, replace(like, seed=seed), planned)
            for path in left:
                if path.suffix == ".part":  # locks go when they are given back
                    path.unlink(missing_ok=True)
