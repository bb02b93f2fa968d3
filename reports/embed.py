"""Writes tables of a report into a Markdown file: the tables come from the records, the text around them stays."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reports.build import Built
from reports.names import slug
from reports.tabular.claim_tables import short_table
from results.errors import InputError, suggest
from results.labels import load_labels

#: What stands around a table; whatever is between is replaced.
_BLOCK = re.compile(r"<!-- dnas: (?P<name>[^\n]*?) -->\n(?P<old>.*?)<!-- dnas: end -->", re.DOTALL)


def embed(text: str, tables: Mapping[str, str]) -> str:
    """Return Markdown whose blocks hold the tables that they name.

    A block is ``<!-- dnas: NAME -->``, a line ``<!-- dnas: end -->``, and what is between them.

    Parameters
    ----------
    tables : name -> Markdown, as in ``reports/tables/NAME.md``.

    Raises
    ------
    InputError
        There is no block, or one names a table that the report does not have.
    """
    if not _BLOCK.search(text):
        raise InputError("no table to refresh; write '<!-- dnas: NAME -->' and below it '<!-- dnas: end -->'")

    def refreshed(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in tables:
            raise InputError(f"the report has no table '{name}'{suggest(name, tables)}")
        return f"<!-- dnas: {name} -->\n\n{tables[name].strip()}\n\n<!-- dnas: end -->"

    return _BLOCK.sub(refreshed, text)


def narrowed(table: str) -> str:
    """Return a Markdown table without its last column, where that holds architectures."""
    if "| architecture |\n" not in table:
        return table
    return re.sub(r"^(\|.*(?<!\\)\|) (?:\\.|[^|\\\n])*\|$", r"\1", table, flags=re.MULTILINE)


def texts(built: Built) -> dict[str, str]:
    """Return the tables of a report as Markdown, by name.

    ``EXPERIMENT-SPACE-verdicts`` holds the verdicts of one experiment on one space. A last column of architectures is
    left out: they are too long for a page.
    """
    folder, labels = built.page.parent / "tables", load_labels()
    found = {name: narrowed((folder / f"{name}.md").read_text(encoding="utf-8")) for name in built.tables}
    places = dict.fromkeys((v.claim.experiment, v.claim.space) for v in built.verdicts if v.claim.experiment)
    for place in places:
        mine = [verdict for verdict in built.verdicts if (verdict.claim.experiment, verdict.claim.space) == place]
        name = f"{slug(*place)}-verdicts"
        found[name] = short_table(mine, labels, name).markdown()
    return found
