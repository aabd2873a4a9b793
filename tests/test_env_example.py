"""The example file and the settings hold each other."""

import re
from pathlib import Path

from bot.settings import Settings

EXAMPLE = Path(__file__).parents[1] / ".env.example"


def test_every_setting_stands_in_the_example_and_nothing_else() -> None:
    named = re.findall(r"^#?([A-Z_]+)=", EXAMPLE.read_text(), flags=re.MULTILINE)
    assert sorted(named) == sorted(name.upper() for name in Settings.model_fields)


def test_every_setting_is_explained_in_the_example_as_in_the_code() -> None:
    text = EXAMPLE.read_text()
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert f"# {field.description}\n" in text, name
