"""Fixtures of the chat tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.handlers.household import Household, a_household


@pytest.fixture
async def household(tmp_path: Path) -> AsyncIterator[Household]:
    """Ana owns the program; secrets may be typed in the chat."""
    async with a_household(tmp_path) as opened:
        yield opened
