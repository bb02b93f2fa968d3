"""The tree of the product: one place for everything, which docs/design.md names."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: How many modules each package may hold beside its folders: more of them want a folder.
PACKAGES = {"bench": 12, "spaces": 8, "results": 8, "reports": 8}


def modules(folder):
    return [path for path in (ROOT / folder).glob("*.py") if not path.name.startswith("__")]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_folders_with_few_modules_beside_them(package):
    assert len(modules(package)) <= PACKAGES[package]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_page_of_the_design_names_all_that_a_package_holds(package):
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    named = re.search(rf"^{package}/ .*?(?=^\S)", page, re.MULTILINE | re.DOTALL)[0]
    folders = [f"{path.parent.name}/" for path in (ROOT / package).glob("*/__init__.py")]
    assert [name for name in (*(path.name for path in modules(package)), *folders) if name not in named] == []
