"""Run the tutorial's cells when the site is built, and write a page with what they print and draw."""

from __future__ import annotations

import ast
import json
from contextlib import redirect_stdout
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

_NAME = "tutorial"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page and its figures; an error in a cell ends the build."""
    import matplotlib as mpl

    mpl.use("agg")
    notebook = json.loads((Path(config.docs_dir) / f"{_NAME}.ipynb").read_text(encoding="utf-8"))
    names: dict[str, Any] = {"__name__": _NAME}
    parts: list[str] = []
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(text)
            continue
        printed, value = _run(text, names)
        parts.append(f"```python\n{text}\n```")
        if printed:
            parts.append(f"```text\n{printed.rstrip()}\n```")
        if hasattr(value, "savefig"):
            picture = BytesIO()
            value.savefig(picture, format="svg")
            name = f"{_NAME}-{len(parts)}.svg"
            files.append(File.generated(config, name, content=picture.getvalue()))
            parts.append(f'<img class="figure" src="{name}" alt="What the cell above draws">')
        elif hasattr(value, "to_html"):
            table = value.to_html(border=0, max_cols=8, float_format="{:.4g}".format)
            parts.append(table.replace(' class="dataframe"', "").replace(' style="text-align: right;"', ""))
        elif value is not None:
            parts.append(f"```text\n{value}\n```")
    about = f"This page is [a notebook]({_NAME}.ipynb). Its cells ran when the site was built."
    parts[1:1] = [about]
    files.append(File.generated(config, f"{_NAME}.md", content="\n\n".join(parts)))
    return files


def _run(text: str, names: dict[str, Any]) -> tuple[str, Any]:
    """Run a cell; return what it prints, and the value of its last line where that is an expression."""
    tree, printed = ast.parse(text), StringIO()
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    with redirect_stdout(printed):
        exec(compile(tree, _NAME, "exec"), names)  # noqa: S102
        value = eval(compile(ast.Expression(last.value), _NAME, "eval"), names) if last else None  # noqa: S307
    return printed.getvalue(), value
