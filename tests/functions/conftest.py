"""Tests of the functions in `functions/`, where `annex new` writes one beside each new function."""

from pathlib import Path

import pytest

from tests.fixtures.service import ROOT


@pytest.fixture(scope="session")
def served_functions() -> Path:
    """The service's own functions."""
    return ROOT / "functions"
