"""Write what is known of each method where it is read: its deviations on its page, its results in its file.

``python docs/hooks/method_facts.py`` rewrites ``docs/methods/*.md`` and the docstrings of ``bench/methods``; a test
holds both to the data they are made from.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import wrap

ROOT = Path(__file__).parents[2]
sys.path[:0] = [] if str(ROOT) in sys.path else [str(ROOT)]

from bench.methods import method as methods  # noqa: E402
from bench.methods.method import Rule  # noqa: E402
from bench.runs import deviations  # noqa: E402
from reports.embed import embed  # noqa: E402
from reports.study.study import Study  # noqa: E402
from reports.tabular.environment_table import device_of  # noqa: E402
from reports.tabular.finals import Final, finals  # noqa: E402
from results.records.store import Store  # noqa: E402
from results.scores.oracle import ScoresOracle  # noqa: E402

#: The experiments with committed records, the one that says most first.
_EXPERIMENTS = ("scaled", "reduced")
_SPACE, _DATASET = "nasbench201", "cifar10"
_WIDTH = 120
#: The paragraph after the first line of a method's file.
_MEASURED = re.compile(r'(?P<head>\A"""[^\n]*\n)(?:\n(?:Measured|Not measured)(?:[^\n]|\n(?!\n|"""))*\n)?')


def page(name: str) -> str:
    """Return the page of a method with the deviations that its file, or for DARTS the protocol, declares."""
    text = page_of(name).read_text(encoding="utf-8")
    return embed(text, {f"{name}-deviations": "\n".join(_deviations(name))})


def page_of(name: str) -> Path:
    """Return where the page of a method is."""
    return ROOT / "docs" / "methods" / f"{name}.md"


def source(name: str, measured: Sequence[Final]) -> str:
    """Return the file of a method with what ``measured`` says about it."""
    line = "\n".join(wrap(_measured(name, measured), _WIDTH))
    text = file_of(name).read_text(encoding="utf-8")
    return _MEASURED.sub(lambda found: f"{found['head']}\n{line}\n", text, count=1)


def file_of(name: str) -> Path:
    """Return the file that declares a method."""
    return ROOT / "bench" / "methods" / f"{name.replace('-', '_')}.py"


def measured() -> list[Final]:
    """Return what the committed searches end in, test accuracy in percent."""
    store = Store(ROOT / "results" / "runs")
    studies = [Study.of(store.records(name, _SPACE), ScoresOracle(store.scores_path)) for name in _EXPERIMENTS]
    return [f for study in studies for f in finals(study) if (f.dataset, f.split) == (_DATASET, "test") and f.values]


def _deviations(name: str) -> Iterator[str]:
    rules: Sequence[Rule] = methods.find(name).deviations if name != "darts" else deviations.PROTOCOL
    yield _row("here", "why", "effect", "switch", "source")
    yield _row(*["---"] * 5)
    for rule in rules:
        yield _row(rule.what, rule.why, rule.effect, f"`{rule.switch}`" if rule.switch else "none", rule.source)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _measured(name: str, found: Sequence[Final]) -> str:
    mine = [each for each in found if each.method.id == name]
    if not mine:
        return "Not measured yet: no record of it on NAS-Bench-201 is committed."
    numbers = "; ".join(f"{_number(each)} in '{each.study.experiment}' ({_device(each)})" for each in mine)
    return (
        f"Measured: test accuracy on CIFAR-10 of the final cells of NAS-Bench-201, mean and standard deviation over n"
        f" seeds: {numbers}. Provisional: this is not the protocol of the papers."
    )


def _number(final: Final) -> str:
    return f"{final.mean} ± {final.std} %, n = {len(final.values)}"


def _device(final: Final) -> str:
    records = (record for record in final.study.records if record.run.method == final.method.id)
    return ", ".join(dict.fromkeys(map(device_of, records)))


def main() -> None:
    """Rewrite the pages and the files."""
    found = measured()
    for name in methods.names():
        page_of(name).write_text(page(name), encoding="utf-8")
        file_of(name).write_text(source(name, found), encoding="utf-8")


if __name__ == "__main__":
    main()
