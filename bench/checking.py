"""Compares records with what was published, under the protocols that experiments have now.

The rule of a verdict is in ``results.claims.decide``; this module passes it the records and the claims.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import pandas as pd

from bench.experiments import reading
from bench.experiments.experiment import Experiment
from bench.scoring import oracle
from results.claims.claim import load_claims
from results.claims.judge import judge
from results.claims.verdict import Verdict
from results.data.directory import data_dir
from results.errors import InputError, suggest
from results.records.record import Record
from results.records.run import ArmName, Run
from results.records.store import Store


def check(runs: Path | str = "results/runs", claims: Iterable[str] = (), *, imported: bool = False) -> list[Verdict]:
    """Return the verdict on each published claim, or on some, by the records of a folder.

    Parameters
    ----------
    imported : whether records of other codes decide claims, where nothing else was run.

    Raises
    ------
    InputError
        A claim is unknown.
    """
    store, known, asked = Store(Path(runs)), load_claims(), set(claims)
    ids = {claim.id for claim in known}
    if unknown := sorted(asked - ids):
        raise InputError(f"unknown claim '{unknown[0]}'{suggest(unknown[0], ids)}; 'dnas check --json' lists all")
    records = store.records()
    hashes, lengths = planned(records)
    scores, around = oracle(store.root, data_dir()), landscapes(store, records)
    verdicts = judge(known, records, scores, around, hashes, lengths=lengths, imported=imported)  # all: see there
    return [verdict for verdict in verdicts if not asked or verdict.claim.id in asked]


def planned(records: Sequence[Record]) -> tuple[dict[ArmName, str], dict[ArmName, int]]:
    """Return the protocol hash, and the epochs, that the arm of each record has now.

    An experiment that is not available, such as one of a file elsewhere, and a method that the suite does not have have
    none.
    """
    experiments: dict[str, Experiment] = {}
    hashes: dict[ArmName, str] = {}
    lengths: dict[ArmName, int] = {}
    for record in records:
        run, overrides = record.run, record.manifest.overrides
        with suppress(InputError, KeyError):
            if run.experiment not in experiments:
                experiments[run.experiment] = reading.load(run.experiment.partition("+")[0], overrides)
            experiment = experiments[run.experiment]
            if experiment.name == run.experiment:
                arm = experiment.arm(run.space, run.method)
                hashes[run.arm], lengths[run.arm] = arm.hash, arm.protocol.training.epochs
    return hashes, lengths


def landscapes(store: Store, records: Iterable[Record]) -> dict[Run, pd.DataFrame]:
    """Return what surrounds the final alphas of records; damaged files are left out, which ``Store`` names."""
    found: dict[Run, pd.DataFrame] = {}
    for record in records:
        with suppress(InputError):
            if (landscape := store.landscape(record.run)) is not None:
                found[record.run] = landscape
    return found
