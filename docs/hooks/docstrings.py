"""Read this code base's docstrings: numpydoc in which a name is followed by its meaning, not by its type."""

from __future__ import annotations

import re
from typing import Any

import griffe

_SECTION = re.compile(
    r"^(Parameters|Attributes|Returns|Yields|Raises|References|Notes|See Also|Examples)\n-+$", re.MULTILINE
)
_ENTRY = re.compile(r"^(?P<names>[A-Za-z_][\w, .*]*?) : (?P<meaning>.+)$", re.MULTILINE)


class Meanings(griffe.Extension):
    """Put what follows ``name :`` on a line of its own, where griffe looks for the meaning."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of a module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = rewritten(obj.docstring.value)


def rewritten(text: str) -> str:
    """Return a docstring whose sections of parameters and attributes have their meanings on lines of their own."""
    parts = _SECTION.split(text)
    ends = [match.end() for match in _SECTION.finditer(text)]
    if not ends:
        return text
    out = [parts[0]]
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        if title in ("Parameters", "Attributes"):
            body = _ENTRY.sub(r"\g<names> :\n    \g<meaning>", body)
        out.append(f"{title}\n{'-' * len(title)}{body}")
    return "".join(out)
