"""Tables of a report inside somebody's Markdown: their numbers are made from the records, the text around is not."""

from __future__ import annotations

import re
from collections.abc import Mapping

from results.errors import InputError, suggest

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
