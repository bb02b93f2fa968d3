"""Drop the sentence that says what the build of the site puts into a page: on the site it is there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

_SENTENCE = re.compile(r"^This (table|page) is filled from [^\n]* when the site is built [^\n]*\n\n", re.MULTILINE)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the page without the sentence."""
    return _SENTENCE.sub("", markdown)
