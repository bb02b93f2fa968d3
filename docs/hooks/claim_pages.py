"""Write a page for each paper whose statements the suite holds, from ``results/published``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

if TYPE_CHECKING:
    from results.claims.claim import Claim

_MARK = "<!-- claims -->"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each paper."""
    for paper, claims in _papers():
        uri = f"reference/claims/{_stem(paper)}.md"
        level = InclusionLevel.NOT_IN_NAV
        files.append(File.generated(config, uri, content=_page(paper, claims), inclusion=level))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put the table of papers where a page asks for it."""
    return markdown.replace(_MARK, "\n".join(_overview())) if _MARK in markdown else markdown


def _papers() -> list[tuple[str, list[Claim]]]:
    """Return each paper with its claims."""
    from results.claims.claim import load_claims

    claims = sorted(load_claims(), key=lambda claim: claim.paper)
    return [(paper, list(mine)) for paper, mine in groupby(claims, key=lambda claim: claim.paper)]


def _stem(paper: str) -> str:
    from reports.names import slug

    return slug(paper.lower())


def _overview() -> Iterator[str]:
    yield "| paper | claims | judged |"
    yield "| --- | ---: | ---: |"
    for paper, claims in _papers():
        yield f"| [{paper}](claims/{_stem(paper)}.md) | {len(claims)} | {sum(claim.judged for claim in claims)} |"


def _page(paper: str, claims: Sequence[Claim]) -> str:
    lines = [f"# {paper}", "", "[All claims](../claims.md)", ""]
    for judged, title in ((True, "Judged"), (False, "Shown, not judged")):
        rows = [_row(claim) for claim in claims if claim.judged is judged]
        if rows:
            lines += [f"## {title}", "", "| claim | statement | published | where | source |"]
            lines += ["| --- | --- | ---: | --- | --- |"]
            lines += [*rows, ""]
    return "\n".join(lines)


def _row(claim: Claim) -> str:
    from results.claims.wording import expected
    from results.labels import load_labels

    labels = load_labels()
    metric = " ".join(part for part in (claim.split, labels.metric(claim.metric)) if part)
    statement = claim.text or f"{labels.method(claim.method)}: {metric} on {claim.dataset}"
    notes = [statement, *([f"Tolerance {claim.tolerance:g}: {claim.rationale}."] if claim.tolerance else [])]
    notes += [f"Protocol: {claim.protocol}."] if claim.protocol else []
    notes += [f"Not the same protocol: {claim.reason}."] if claim.reason else []
    where = ", ".join(part for part in (labels.space(claim.space), claim.experiment) if part)
    source = ", ".join(part for part in (claim.table, claim.source) if part)
    cells = (f"`{claim.id}`", "<br>".join(map(_cell, notes)), expected(claim), where, _cell(source))
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return escape(" ".join(text.split()), quote=False).replace("|", "&#124;").replace("..", ".")
