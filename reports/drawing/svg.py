"""Turns a file that matplotlib wrote into a figure of the page: unique ids, the page's colours, names to point at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape, unescape

from reports.drawing.style import GRID, INK, MUTED, PAPER
from reports.names import slug
from reports.study.method_style import Method

_THEME = {INK: "var(--ink)", MUTED: "var(--muted)", GRID: "var(--grid)", PAPER: "var(--paper)"}
_REFERENCE = re.compile(r'(?:url\(#|href="#)([^")]+)')
_ID = re.compile(r' id="([^"]*)"')
_ROLE = re.compile(r"(?:(seed)\.(.+)\.(\d+)|(mean|band)\.(.+))")  # a method's name may hold points
_COORDINATES = re.compile(r' (?:d|x|y|transform)="[^"]*"')
_SEED_PATH = re.compile(r'(<g class="seed"[^>]*>(?:<title>[^<]*</title>)?\s*)(?=<path d="([^"]*)")')
_LONG_NUMBER = re.compile(r"-?\d+\.\d{2,}")
_COLOUR = re.compile(r"#[0-9a-f]{6}")


def inline(svg: str, prefix: str, label: str, methods: Sequence[Method]) -> str:
    """Return an SVG file's text as an element of a page.

    What belongs to a method carries ``data-method`` and one of the classes ``seed``, ``mean`` and ``band``, so that the
    page can show and hide it. A single seed also carries ``data-seed`` and its name as a title, above a wider invisible
    line that a pointer can hit. Colours of text, axes and ground become the page's ``--ink``, ``--muted``, ``--grid``
    and ``--paper``; a method's colour becomes ``colour_variable``'s.

    Parameters
    ----------
    svg : written by ``reports.drawing.style.save``.
    prefix : unique in the page; ids that something refers to begin with it, others are dropped.
    label : alternative text.
    methods : of the report.
    """
    labels = {method.id: method.label for method in methods}
    theme = _THEME | {method.colour.lower(): f"var({colour_variable(method.colour)})" for method in methods}
    text = svg[svg.index("<svg") :]
    text = re.sub(r"<(metadata|style)\b.*?</\1>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"^<svg[^>]*>", lambda tag: _root(tag[0], label), text)
    referenced = set(_REFERENCE.findall(text))
    text = re.sub(r'<g id="([^"]*)">', lambda tag: _group(tag[1], labels), text)
    text = _ID.sub(lambda id_: f' id="{prefix}{id_[1]}"' if id_[1] in referenced else "", text)
    text = _REFERENCE.sub(lambda ref: ref[0].replace("#", f"#{prefix}"), text)
    text = _COORDINATES.sub(lambda attribute: _shorten(attribute[0]), text)
    text = _SEED_PATH.sub(r'\1<path class="target" d="\2"/>', text)
    text = re.sub(r' style="[^"]*"', lambda style: _COLOUR.sub(lambda c: theme.get(c[0], c[0]), style[0]), text)
    return re.sub(r"\n\s*", "\n", text).strip()


def colour_variable(colour: str) -> str:
    """Return the name of the page's variable for a colour ``#rrggbb``."""
    return f"--c-{colour[1:].lower()}"


def _root(tag: str, label: str) -> str:
    box = re.search(r'viewBox="[^"]*"', tag)
    return (
        f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" {box[0] if box else ""} role="img"'
        f' aria-label="{escape(label)}">'
    )


def _group(name: str, labels: dict[str, str]) -> str:
    role = _ROLE.fullmatch(unescape(name))
    if role is None:
        return f'<g id="{name}">'
    kind, method, seed = role.groups()[:3] if role[1] else (*role.groups()[3:], None)
    title = f"<title>{escape(labels.get(method, method))}, seed {seed}</title>" if seed else ""
    which = f' data-seed="{seed}"' if seed else ""
    return f'<g class="{kind}" data-method="{slug(method)}"{which}>{title}'


def _shorten(attribute: str) -> str:
    """Return coordinates to a tenth of a point, and without the letter that a path of straight lines implies."""
    short = " ".join(_LONG_NUMBER.sub(_round, attribute).split())
    return " " + (short if "C" in short or "Q" in short else short.replace(" L ", " "))


def _round(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}".rstrip("0").rstrip(".")
