"""The same texts through real TDLib (the package tdjson), where that is installed."""

import json
import random

import pytest

from bot.sandbox.telegram_errors import ApiError
from bot.sandbox.telegram_html import parse_html
from bot.sandbox.telegram_links import find_links

tdjson = pytest.importorskip("tdjson", reason="tdjson (real TDLib) is not installed")

ROUNDS = 4000
PIECES = """
<b> </b> <i> </i> <code> </code> <pre> </pre> <a·href='x.org'> </a> <a> <a·href="http://x.com/a?b&amp;c">
<code·class="language-py"> <blockquote> </blockquote> <blockquote·expandable> <tg-spoiler> </tg-spoiler>
<span·class="tg-spoiler"> <span> </span> &lt; &amp &#65; &#x1F600; & < > </ </> a é 😀 · ¶ ' " = <u <s·> </s·>
<b·a=1> <b·a> &quot; &foo; </b x.com <em> </em> <x>
"""
WORDS = """
/start /a@bot_x $BTC $btc #tag #1 @user @usr @gif a@b.com x.com binance.com/a(b) https://x.y (x.com) 1.2.3.4 0.035
1.000 config.js a.py tg://resolve?d e.g. a..b é 😀 BTC/USDT 3.5% 61,680.42 x.COM X.Com a+b@c.org x.com@y 1/2
http://localhost:80/a 127.0.0.1:8000 user@mail.co.uk /status. fim.Nome «x.com» x.com/á?b=c. mailto:a@b.com -x.com
x_y.com (/start) /start, R$10 US$BTC #a#b @a_b_c ok:/start x.com:99999/a 256.1.1.1 “x.com”
"""
KINDS = {
    "PreCode": "pre",
    "TextUrl": "text_link",
    "MentionName": "text_mention",
    "BlockQuote": "blockquote",
    "ExpandableBlockQuote": "expandable_blockquote",
    "BotCommand": "bot_command",
    "EmailAddress": "email",
    "MediaTimestamp": "",
    "BankCardNumber": "",
}


def execute(**request):
    return json.loads(tdjson.td_execute(json.dumps(request).encode()))


def shape(entities):
    """(offset, -length, kind, address or language) of TDLib's entities that a bot gets to see."""
    shown = []
    for entity in entities:
        name = entity["type"]["@type"].removeprefix("textEntityType")
        kind = KINDS.get(name, name.lower())
        if kind:
            extra = entity["type"].get("url") or entity["type"].get("language") or ""
            shown.append((entity["offset"], -entity["length"], kind, extra))
    return sorted(shown)


def test_html_is_parsed_as_tdlib_parses_it():
    dice = random.Random(7)
    pieces = [piece.replace("·", " ").replace("¶", "\n") for piece in PIECES.split()]
    for _ in range(ROUNDS):
        text = "".join(dice.choices(pieces, k=dice.randint(1, 9)))
        if dice.random() < 0.5:
            tag = dice.choice(["b", "pre", "code", "blockquote"])
            text = f"<{tag}>{text}</{tag}>"
        mode = {"@type": "textParseModeHTML"}
        real = execute(**{"@type": "parseTextEntities"}, text=text, parse_mode=mode)
        try:
            plain, entities = parse_html(text)
        except ApiError as refused:
            words = refused.description.removeprefix("Bad Request: c")
            assert "C" + words == real.get("message"), text
            continue
        ours = [
            (e["offset"], -e["length"], e["type"], e.get("url") or e.get("language") or "") for e in entities
        ]
        assert real["@type"] == "formattedText", (text, real)
        assert (plain, sorted(ours)) == (real["text"], shape(real["entities"])), text


def test_links_are_recognised_as_tdlib_recognises_them():
    dice = random.Random(11)
    words = WORDS.split()

    def units(text):
        return len(text.encode("utf-16-le")) // 2

    for _ in range(ROUNDS):
        text = dice.choice([" ", "\n", ", "]).join(dice.choices(words, k=dice.randint(1, 4)))
        real = execute(**{"@type": "getTextEntities"}, text=text)
        ours = [
            (units(text[:a]), units(text[:a]) - units(text[:b]), kind, "") for a, b, kind in find_links(text)
        ]
        assert sorted(ours) == shape(real["entities"]), text
