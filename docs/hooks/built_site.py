"""Look over the built site: every link inside it leads somewhere, and nothing is loaded from another host."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError

_LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "object": "data"}


class _Links(HTMLParser):
    """The anchors of a page, where it links to, and what it loads."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors, self.links, self.loads = {"", "__top"}, set[str](), set[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what a tag names."""
        found = dict(attrs)
        self.anchors |= {found[key] or "" for key in ("id", "name") if key in found}
        if tag == "a" and found.get("href"):
            self.links.add(found["href"] or "")
        if tag in _LOADED and found.get(_LOADED[tag]):
            self.loads.add(found[_LOADED[tag]] or "")


def on_post_build(config: MkDocsConfig) -> None:
    """Raise ``PluginError`` where a page has a dead link or loads something from elsewhere."""
    root = Path(config.site_dir)
    pages = {path: _read(path) for path in root.rglob("*.html") if path.name != "404.html"}
    faults = [fault for path, page in pages.items() for fault in _faults(path, page, pages, root)]
    if faults:
        raise PluginError("\n".join(faults))


def _read(path: Path) -> _Links:
    page = _Links()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def _faults(path: Path, page: _Links, pages: dict[Path, _Links], root: Path) -> list[str]:
    """Return a line for each fault of a page."""
    name, faults = path.relative_to(root), []
    for load in page.loads:
        if urlsplit(load).netloc:
            faults.append(f"{name} loads {load}")
    for link in page.links | page.loads:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not target.exists():
            faults.append(f"{name} links to {link}, which does not exist")
        elif target in pages and unquote(parts.fragment) not in pages[target].anchors:
            faults.append(f"{name} links to {link}, which has no such section")
    return faults
