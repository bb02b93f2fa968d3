"""Give each file of the repository that a page links to a page of its own, so that no link leaves the site."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"(?<=\]\()([^)\s#]+)(?=[)#])")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LANGUAGES = {".py": "python", ".toml": "toml", ".csv": "text", ".cff": "yaml", ".ini": "ini", ".j2": "jinja"}
#: Pages of the repository that the navigation lists.
_ALWAYS = ("CONTRIBUTING.md", "CHANGELOG.md")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each file and folder outside of ``docs`` that a page links to."""
    wanted = {*_ALWAYS}
    waiting = [(f"docs/{file.src_uri}", file.content_string) for file in files.documentation_pages()]
    waiting += [(name, (ROOT / name).read_text(encoding="utf-8")) for name in _ALWAYS]
    for name, text in waiting:
        for target in _targets(text, PurePosixPath(name).parent):
            if target in wanted:
                continue
            wanted.add(target)
            if target.endswith(".md"):
                waiting.append((target, (ROOT / target).read_text(encoding="utf-8")))
    for name in sorted(wanted):
        level = InclusionLevel.INCLUDED if name in _ALWAYS else InclusionLevel.NOT_IN_NAV
        files.append(File.generated(config, _uri(name), content=_page(name), inclusion=level))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links at the pages of source files."""
    uri = PurePosixPath(page.file.src_uri)
    copied = uri.parts[0] == "source" and uri.name != "index.md"
    folder = PurePosixPath(*uri.parts[1:]).parent if copied else "docs" / uri.parent

    def moved(match: re.Match[str]) -> str:
        target = _target(match[1], folder)
        if target is None:
            return match[1]
        inside = target.removeprefix("docs/") if target.startswith("docs/") else _uri(target)
        shown = inside.removesuffix(".ipynb") + ".md"  # the page of a notebook; it alone links to the notebook itself
        return os.path.relpath(shown if inside.endswith(".ipynb") and str(uri) != shown else inside, uri.parent)

    parts, at = [], 0
    for fence in _FENCE.finditer(markdown):
        parts += [_LINK.sub(moved, markdown[at : fence.start()]), fence[0]]
        at = fence.end()
    return "".join([*parts, _LINK.sub(moved, markdown[at:])])


def _targets(text: str, folder: PurePosixPath) -> Iterator[str]:
    """Yield the files outside of ``docs`` that a text in ``folder`` links to."""
    for link in _LINK.findall(_FENCE.sub("", text)):
        target = _target(link, folder)
        if target is not None and not target.startswith("docs/"):
            yield target


def _target(link: str, folder: PurePosixPath) -> str | None:
    """Return the path below the repository that a relative link means; None where there is no such file."""
    if "://" in link or link.startswith("mailto:"):
        return None
    name = os.path.normpath(folder / link)
    return name if not name.startswith("..") and (ROOT / name).exists() else None


def _uri(name: str) -> str:
    path = ROOT / name
    return f"source/{name}/index.md" if path.is_dir() else f"source/{name}" + ("" if name.endswith(".md") else ".md")


def _page(name: str) -> str:
    path = ROOT / name
    if path.is_dir():
        inside = sorted(child.name for child in path.iterdir() if child.is_file() and child.name != "__init__.py")
        return "\n".join([f"# `{name}`", "", *(f"* `{child}`" for child in inside), ""])
    text = path.read_text(encoding="utf-8")
    if name.endswith(".md"):
        return text
    title = f"---\ntitle: {name}\nsearch:\n  exclude: true\n---\n\n# `{name}`\n\n"
    return f"{title}````{_LANGUAGES.get(path.suffix, 'text')}\n{text}\n````\n"
