"""Fixtures that every kind of test uses."""

import os
from pathlib import Path

import pytest

BESIDE_THE_CHECKOUT = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """``$DNAS_DATA``, or the data directory beside the checkout; without either the test is skipped."""
    folder = Path(os.environ.get("DNAS_DATA") or BESIDE_THE_CHECKOUT)
    if not folder.is_dir():
        pytest.skip(f"no data directory: set DNAS_DATA ({folder} does not exist)")
    return folder
