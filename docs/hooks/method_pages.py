"""List the methods and the spaces: in the navigation, and in a table each."""

from __future__ import annotations

from collections.abc import Iterator

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

_METHODS, _SPACES = "<!-- methods -->", "<!-- spaces -->"


def on_config(config: MkDocsConfig) -> None:
    """List a page for each method and each family in the navigation, behind what it lists there itself."""
    import spaces
    from bench.methods import method

    labels = {f"methods/{name}.md": method.find(name).label for name in method.names()}
    families = {f"spaces/{space.family}.md": "" for space in map(spaces.find, spaces.names())}
    for section in config.nav or ():
        for title, pages in section.items():
            if title == "Methods":
                pages[1:1] = [{label: uri} for uri, label in labels.items()]
            if title == "Spaces":
                pages[1:1] = list(families)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put the tables of methods and of spaces where a page asks for them."""
    for mark, rows in ((_METHODS, _methods), (_SPACES, _spaces)):
        if mark in markdown:
            markdown = markdown.replace(mark, "\n".join(rows()))
    return markdown


def _methods() -> Iterator[str]:
    import spaces
    from bench.methods import method

    yield "| method | id | levels | passes of a step | not on |"
    yield "| --- | --- | ---: | --- | --- |"
    for each in map(method.find, method.names()):
        refused = [name for name in spaces.names() if each.spaces(spaces.find(name))]
        passes = ", ".join(f"{count} {kind}" for kind, count in each.passes.items())
        yield f"| [{each.label}]({each.id}.md) | `{each.id}` | {each.levels} | {passes} | {', '.join(refused)} |"


def _spaces() -> Iterator[str]:
    import spaces
    from spaces.supernet.network import Supernet

    yield "| space | id | alphas | rows | operations | weights of one seed |"
    yield "| --- | --- | ---: | ---: | --- | ---: |"
    for space in map(spaces.find, spaces.names()):
        yield (
            f"| [{space.label}]({space.family}.md) | `{space.id}` | {int(space.mask.sum())} | {space.mask.shape[0]} |"
            f" {', '.join(space.operations)} | {Supernet(space, space.supernet).size:,} |"
        )
