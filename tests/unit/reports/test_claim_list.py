"""The verdicts as the page lists them."""

from dataclasses import replace

from reports.tabular.claim_list import papers
from results.claims.verdict import Status, Verdict
from results.labels import load_labels

from .test_build import CLAIM


def test_decided_claims_and_the_papers_that_have_them_come_first():
    statuses = {
        "A": [Status.NOT_RUN],
        "B": [Status.INCONCLUSIVE] * 2,
        "C": [Status.NOT_RUN, Status.INCONCLUSIVE, Status.WORSE],
    }
    verdicts = [
        Verdict(replace(CLAIM, id=f"{paper}{place}", paper=paper), status, f"{status}: why")
        for paper, mine in statuses.items()
        for place, status in enumerate(mine)
    ]
    found = papers(verdicts, load_labels())
    assert [paper.name for paper in found] == ["C", "B", "A"]
    first = found[0]
    assert [entry.status for entry in first.spoken] == ["worse", "inconclusive"]
    assert [entry.status for entry in first.silent] == ["not-run"]
    assert [(status, count) for _, status, count in first.tally] == [("worse", 1), ("inconclusive", 1), ("not-run", 1)]
    assert first.silent[0].notes == ("why", "Source: a table.")
    assert not found[-1].judged
