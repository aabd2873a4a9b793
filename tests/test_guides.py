"""The guides and READMEs say nothing that the program does not: commands, texts, parameters, pictures, links."""

import html
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path

import click
import pytest
from babel.messages.pofile import read_po

from bot.cli import main
from bot.domain.market import MarketRules, Symbol
from bot.domain.money import Price, Quote
from bot.domain.params import BY_NAME, PARAMETERS, StrategyParams
from bot.domain.plan import build_plan
from bot.domain.validation import validated
from bot.settings import Settings
from handlers.commands import COMMANDS, NAMES, OWNERS
from handlers.form_numbers import number, percent, rounded
from handlers.form_views import shown_value
from handlers.texts import texts_for

ROOT = Path(__file__).resolve().parents[1]
GUIDES = {"pt_BR": ROOT / "docs/guia.md", "en": ROOT / "docs/guide.md"}
READMES = {"pt_BR": ROOT / "README.pt-BR.md", "en": ROOT / "README.md"}
PAGES = [(locale, pages[locale]) for pages in (GUIDES, READMES) for locale in ("pt_BR", "en")]
MOST_BYTES = 150_000
PLACE_OF_EACH = pytest.mark.parametrize(
    ("locale", "page"), PAGES, ids=lambda value: getattr(value, "name", "")
)
EACH_GUIDE = pytest.mark.parametrize("locale", GUIDES)

_COMMAND = re.compile(r"(?<![\w/.:<)-])/([a-z]{2,})\b(?!/|\.\w)")
_QUOTE = re.compile(r"«(.+?)»(?!»)", re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_LEAST_LETTERS = 3


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def codes(page: Path) -> list[str]:
    """Every line of code on the page, in a fence or in a sentence."""
    return [line for code in _CODE.findall(text_of(page)) for line in code.strip("`").splitlines()]


# --- commands ---------------------------------------------------------------------------------------------


@PLACE_OF_EACH
def test_every_chat_command_named_on_a_page_exists(locale: str, page: Path) -> None:
    named = set(_COMMAND.findall(text_of(page)))
    assert named
    assert named <= NAMES, (locale, named - NAMES)


@EACH_GUIDE
def test_the_guide_names_every_command_of_the_menu_in_its_language(locale: str) -> None:
    named = set(_COMMAND.findall(text_of(GUIDES[locale])))
    assert {command.in_locale(locale) for command in (*COMMANDS, *OWNERS)} <= named


@PLACE_OF_EACH
def test_every_line_for_the_prompt_is_understood(locale: str, page: Path) -> None:
    lines = [found for code in codes(page) for found in re.findall(r"trader-automata (.+)", code)]
    assert lines, locale
    for line in lines:
        words = shlex.split(line.split("#")[0])
        for name in words[1].split("|") if "|" in line else [""]:
            understood([words[0], name, *words[2:]] if name else words)


def understood(words: list[str]) -> None:
    """Each word is a command of the program, an option of that command, or an option's value."""
    command: click.Command = main
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, words
        command = found
        words = words[1:]
    known = {spelt: param for param in command.params for spelt in param.opts}
    for word, value in pairwise([*words, ""]):
        if word.startswith("--") and word not in {"--help", "--version"}:
            assert word in known, (command.name, word)
            choice = known[word].type
            assert not isinstance(choice, click.Choice) or value in choice.choices, value


@PLACE_OF_EACH
def test_every_make_target_and_setting_exists(locale: str, page: Path) -> None:
    targets = re.findall(r"^(\w+):", text_of(ROOT / "Makefile"), flags=re.MULTILINE)
    settings = {name.upper() for name in Settings.model_fields}
    for code in codes(page):
        for target in re.findall(r"\bmake (\w+)", code):
            assert target in targets, (locale, target)
        for name in re.findall(r"^([A-Z]+(?:_[A-Z]+)+)(?:=|$)", code):
            assert name in settings, (locale, name)


# --- texts ------------------------------------------------------------------------------------------------


@PLACE_OF_EACH
def test_every_text_quoted_from_the_bot_stands_in_that_catalogue(locale: str, page: Path) -> None:
    said = [" ".join(quote.replace("\n>", " ").split()) for quote in _QUOTE.findall(text_of(page))]
    made_up = [quote for quote in said if not any(known.fullmatch(quote) for known in sayings(locale))]
    assert made_up == []


@cache
def sayings(locale: str) -> tuple[re.Pattern[str], ...]:
    """Each message, each line and each sentence of the catalogue, its markup gone, its placeholders open."""
    found: set[str] = set()
    for path in (ROOT / "handlers/locale" / locale / "LC_MESSAGES").glob("*.po"):
        with path.open("rb") as file:
            for message in read_po(file, locale=locale):
                if message.id:
                    forms = [message.string] if isinstance(message.string, str) else message.string or ()
                    found.update(piece for form in forms for piece in pieces(form))
    return tuple(re.compile(piece) for piece in sorted(found))


def pieces(text: str) -> Iterator[str]:
    plain = html.unescape(re.sub(r"</?[a-z][^>]*>", "", text))
    for piece in {plain, *plain.splitlines(), *re.split(r"\n+|(?<=[.!?]) ", plain)}:
        fixed = re.split(r"\{\w+\}", " ".join(piece.split()))
        if sum(map(str.isalpha, "".join(fixed))) >= _LEAST_LETTERS:
            yield r".{1,80}?".join(map(re.escape, fixed))


@EACH_GUIDE
def test_the_guide_quotes_the_bot_often_enough_to_be_worth_checking(locale: str) -> None:
    assert len(_QUOTE.findall(text_of(GUIDES[locale]))) >= 40


def test_a_text_the_bot_never_says_is_found_out() -> None:
    known = sayings("en")
    assert any(one.fullmatch("Not enough money for the first buy: nothing") for one in known) is False
    assert any(one.fullmatch("You have no strategy yet.") for one in known)


# --- parameters -------------------------------------------------------------------------------------------

_HEADING = re.compile(r"^#### (\S+) (\w+) = (.+)$", re.MULTILINE)
_ROW = re.compile(r"^\| (\w+) = (\S+) \| (.+) \|$", re.MULTILINE)
_BIGGER_SMALLER = {"pt_BR": ("**Maior**", "**Menor**"), "en": ("**Bigger**", "**Smaller**")}


@EACH_GUIDE
def test_the_guide_explains_every_parameter_in_the_order_of_the_questions(locale: str) -> None:
    texts = texts_for(locale)
    told = [(item, name, value) for item, name, value in _HEADING.findall(text_of(GUIDES[locale]))]
    assert told == [(p.item, p.name, shown_value(texts, p.name, p.default)) for p in PARAMETERS]


@EACH_GUIDE
def test_each_parameter_is_told_bigger_and_smaller(locale: str) -> None:
    sections = re.split(_HEADING, text_of(GUIDES[locale]))[4::4]
    assert len(sections) == len(PARAMETERS)
    for parameter, section in zip(PARAMETERS, sections, strict=True):
        wanted = ("**s**", "**n**") if parameter.name == "lucro_reaplicar" else _BIGGER_SMALLER[locale]
        for word in wanted:
            assert section.count(word) == 1, (parameter.name, word)


@EACH_GUIDE
def test_the_numbers_of_the_examples_are_those_of_the_plan(locale: str) -> None:
    """`| name = value | cost | fall covered | exit before re-buys | exit after the last |`, BTC at 60000, no limit."""
    rows = _ROW.findall(text_of(GUIDES[locale]))
    assert {name for name, _, _ in rows} >= {p.name for p in PARAMETERS} - {"taxa", "lucro_reaplicar"}
    for name, value, told in rows:
        assert told.split(" | ") == figures(locale, name, value), (name, value)


def figures(locale: str, name: str, value: str) -> list[str]:
    """What changing one default does to the plan, as the guide writes it."""
    bare = value.rstrip("%").replace(".", "").replace(",", ".") if locale == "pt_BR" else value.rstrip("%")
    share = Decimal(100) if value.endswith("%") else Decimal(1)
    given: Decimal | int = Decimal(bare.replace(",", "")) / share
    if BY_NAME[name].default == given and name != "saldo_limite":
        return defaults(locale, StrategyParams(saldo_limite=Decimal(0)))
    changes: dict[str, object] = {"saldo_limite": Decimal(0)}
    changes[name] = int(given) if name == "limite_recompras" else given
    return defaults(locale, validated(replace(StrategyParams(), **changes)))  # type: ignore[arg-type]


def defaults(locale: str, params: StrategyParams) -> list[str]:
    symbol = Symbol("BTCUSDT", "BTC", "USDT")
    rules = MarketRules(
        symbol, Decimal("0.01"), Decimal("0.000001"), Decimal("0.01"), min_notional=Quote.of(5)
    )
    plan = build_plan(params, rules, entry=Price.of(60000))
    first, last = plan.rungs[0], plan.placed[-1]
    return [
        rounded(plan.total_cost.value, locale),
        percent(plan.deepest_drop, locale, 2),
        number(first.exit_price.value, locale),
        number(last.exit_price.value, locale),
    ]


# --- pictures and links -----------------------------------------------------------------------------------


@PLACE_OF_EACH
def test_every_link_and_picture_leads_somewhere(locale: str, page: Path) -> None:
    for target in _LINK.findall(text_of(page)):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        place = (page.parent / name).resolve() if name else page
        assert place.exists(), (locale, target)
        assert not anchor or anchor in anchors(place), (locale, target)


def anchors(page: Path) -> set[str]:
    """The headings of a page as its links name them."""
    heads = re.findall(r"^#+ (.+)$", text_of(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_the_pictures_are_small_and_each_is_shown() -> None:
    shown = "".join(text_of(page) for page in (*GUIDES.values(), *READMES.values()))
    pictures = sorted((ROOT / "docs/img").glob("gui*.png"))
    assert pictures
    for picture in pictures:
        assert picture.name in shown, picture.name
        assert picture.stat().st_size < MOST_BYTES, picture.name


def test_the_pages_of_both_languages_have_the_same_shape() -> None:
    for pages in (GUIDES, READMES):
        levels = [re.findall(r"^(#+) ", text_of(page), flags=re.MULTILINE) for page in pages.values()]
        assert levels[0] == levels[1]


def test_each_readme_links_the_other_and_its_guide() -> None:
    assert {"README.pt-BR.md", "docs/guide.md"} <= set(_LINK.findall(text_of(READMES["en"])))
    assert {"README.md", "docs/guia.md"} <= set(_LINK.findall(text_of(READMES["pt_BR"])))
