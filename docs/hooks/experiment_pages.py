"""Write the reference of the experiments from their TOML files."""

from __future__ import annotations

from collections.abc import Iterator

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

_MARK = "<!-- experiments -->"


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put the experiments where a page asks for them."""
    return markdown.replace(_MARK, "\n".join(_sections())) if _MARK in markdown else markdown


def _sections() -> Iterator[str]:
    from bench.experiments import reading
    from reports.study.kinds import kind, place

    experiments = [reading.load(name) for name in sorted(reading.available(), key=place)]
    yield "| experiment | its numbers are | spaces | methods | seeds | runs |"
    yield "| --- | --- | --- | --- | --- | ---: |"
    for each in experiments:
        runs = sum(len(arm.seeds) for arm in each.choose().arms)
        yield (
            f"| [`{each.name}`](#{each.name}) | {kind(each.name)} | {len(each.spaces)} | {len(each.methods)} |"
            f" {min(each.seeds)} to {max(each.seeds)} | {runs} |"
        )
    yield ""
    for each in experiments:
        yield from (f"## {each.name}", "", each.about.description, "")
        yield f"Spaces: {', '.join(f'`{name}`' for name in each.spaces)}."
        yield f"Methods: {', '.join(f'`{name}`' for name in each.methods)}."
        if each.variants:
            yield f"Variants, by name only: {', '.join(f'`{name}`' for name in each.variants)}."
        text = (reading.FOLDER / f"{each.name}.toml").read_text(encoding="utf-8")
        yield from ("", f'??? example "{each.name}.toml"', "", "    ```toml")
        yield from (f"    {line}".rstrip() for line in text.splitlines())
        yield from ("    ```", "")
