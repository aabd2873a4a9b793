import doctest
import re
from dataclasses import fields
from pathlib import Path

import pytest

from bot.domain.params import PARAMETERS, Curve, Kind, StrategyParams
from bot.domain.validation import plain_default

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_examples_of_the_strategy_page_are_what_the_program_does():
    failed, tried = doctest.testfile(
        str(DOCS / "strategy.md"), module_relative=False, optionflags=doctest.ELLIPSIS, encoding="utf-8"
    )
    assert tried > 20
    assert failed == 0


def rows(page):
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("|")]


def test_the_strategy_page_has_the_menu_as_the_program_has_it():
    shown = [row[:3] for row in rows("strategy.md") if re.fullmatch(r"\|?\s*[1-6](\.1[abc]?)?", row[0])]
    ours = [[p.item, p.name, plain_default(p)] for p in PARAMETERS]
    assert [[row[0].strip("| "), *row[1:]] for row in shown] == ours
    assert sum(p.kind is Kind.YES_NO for p in PARAMETERS) == 1


@pytest.mark.parametrize("name", [f.name for f in fields(StrategyParams)])
def test_the_glossary_explains_every_parameter_in_both_languages(name):
    (row,) = [row for row in rows("glossary.md") if row[0].strip("| ") == name]
    assert len(row) == 5
    assert all(cell.strip(" |") for cell in row)


def test_the_glossary_names_every_curve():
    named = {row[0].strip("| ") for row in rows("glossary.md")}
    assert {curve.value for curve in Curve} <= named
