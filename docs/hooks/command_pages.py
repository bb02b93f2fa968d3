"""Write the reference of the command line from the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

_MARK = "<!-- commands -->"


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put the commands where a page asks for them."""
    return markdown.replace(_MARK, "\n".join(_sections())) if _MARK in markdown else markdown


def _sections() -> Iterator[str]:
    from bench import cli

    for path, command in sorted(_commands(typer.main.get_command(cli.commands()), ())):
        yield _section(path, command)


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command that does something, with the words that call it."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, inner in command.commands.items():
        if not inner.hidden:
            yield from _commands(inner, (*path, name))


def _section(path: tuple[str, ...], command: Any) -> str:
    name = " ".join(("dnas", *path))
    words = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden and "--help" not in p.opts]
    usage = " ".join([name, *(_usage(p) for p in words), *(["[OPTIONS]"] if options else [])])
    lines = [f"## `{name}`", "", command.help or "", "", "```", usage, "```", ""]
    if words or options:
        lines += ["| argument or option | default | meaning |", "| --- | --- | --- |"]
        lines += [f"| {_names(p)} | {_default(p)} | {_cell(p.help or '')} |" for p in [*words, *options]]
    return "\n".join([*lines, ""])


def _usage(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    if name.startswith("["):
        return name
    many = "..." if argument.nargs == -1 else ""
    return f"{name}{many}" if argument.required else f"[{name}{many}]"


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_usage(parameter)}`"
    value = "" if parameter.is_flag else f" {parameter.metavar or parameter.name.upper()}"
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    return names + (f" `{value.strip()}`" if value else "")


def _default(parameter: Any) -> str:
    value = parameter.default
    if callable(value) or value is None or value in ("", (), []) or parameter.required:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"`{value}`" if re.search(r"\w", str(value)) else ""


def _cell(text: str) -> str:
    return escape(" ".join(text.split()), quote=False).replace("|", "&#124;")
