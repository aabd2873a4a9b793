"""The same texts through real TDLib (the package tdjson), where that is installed.

Every difference found is one of `KNOWN`, which says why it stays and how many of its kind the seeded texts hold; a
new difference, and a known one that is gone or has grown, fail. A run is bounded in number and in time.
"""

import html
import json
import random
import time

import pytest

from bot.sandbox.telegram_errors import ApiError
from bot.sandbox.telegram_html import parse_html
from bot.sandbox.telegram_links import find_links

tdjson = pytest.importorskip("tdjson", reason="tdjson (real TDLib) is not installed")

ROUNDS = 4000
SECONDS = 20.0
KNOWN: dict[str, int] = {}
"""Kinds of difference that are left, with their count over all seeds: none at present."""
SEEDS = (7, 23, 99)
PAIRS = """
<b>|</b> <i>|</i> <u>|</u> <s>|</s> <B>|</B·> <b>|</> <ins>|</ins> <del>|</del> <strong>|</strong> <strike>|</strike>
<code>|</code> <pre>|</pre> <code·class="language-py">|</code> <pre><code·class="language-go">|</code></pre>
<code·class="language-js"><pre>|</pre></code> <code·class="x·language-y">|</code> <code·class="language-">|</code>
<blockquote>|</blockquote> <blockquote·expandable>|</blockquote> <blockquote·expandable="">|</blockquote>
<tg-spoiler>|</tg-spoiler> <span·class="tg-spoiler">|</span> <tg-emoji·emoji-id="5368324170671202286">|</tg-emoji>
<tg-emoji·emoji-id="00012">|</tg-emoji> <tg-time·unix="1700000000"·format="D">|</tg-time> <tg-time·unix="-5">|</tg-time>
<a>|</a> <a·href="tg://user?id=12">|</a> <a·href="tg:user?x=1&amp;id=7#9">|</a> <a·href="x.org">|</a>
<a·href="http://[::1]/a">|</a> <a·href="localhost">|</a> <a·href="HTTP://X.Com:080/%41·b">|</a> <a·href="x.com?">|</a>
"""
LEAVES = (
    'a é 😀 · ¶ x.com &lt; &amp; & &foo; &#65; &#x1F600; &#0; &#xD800; &#1114112; > " 👨‍👩‍👧 𝕏 /start $BTC'
)
URL_PIECES = """
http:// https:// HTTP:// tg: tg:// ton: tonsite:// // / ? # @ : x . com X.Com [::1] [ ] 80 0 99999 · %41 % %4 é a user
?id=12 & _ - ! ~ = \\ ^ | { ` " ' < > + ; , $ 1.2.3.4 user:p@ ¶ javascript: resolve?domain=x user?id= 12 mailto:
"""
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
    "CustomEmoji": "custom_emoji",
    "DateTime": "date_time",
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


def written(words):
    return [word.replace("·", " ").replace("¶", "\n") for word in words.split()]


@pytest.fixture(autouse=True)
def _quiet():
    execute(**{"@type": "setLogVerbosityLevel"}, new_verbosity_level=0)


def scattered(dice):
    """Tags at random: most of these texts are refused, with a reason and a place."""
    text = "".join(dice.choices(written(PIECES), k=dice.randint(1, 9)))
    if dice.random() < 0.5:
        tag = dice.choice(["b", "pre", "code", "blockquote"])
        return f"<{tag}>{text}</{tag}>"
    return text


def nested(dice, depth=4):
    """Tags that match: most of these texts pass."""
    text = ""
    for _ in range(dice.randint(1, 3)):
        if depth and dice.random() < 0.6:
            begin, end = dice.choice(written(PAIRS)).split("|")
            text += begin + nested(dice, depth - 1) + end
        else:
            text += dice.choice(written(LEAVES))
    return text


def linked(dice):
    address = "".join(dice.choices(written(URL_PIECES), k=dice.randint(1, 6)))
    return f'<a href="{html.escape(address)}">q</a>'


def answers(text):
    """What TDLib makes of a text, and what we make of it: (plain, entities), or the words of the refusal."""
    mode = {"@type": "textParseModeHTML"}
    real = execute(**{"@type": "parseTextEntities"}, text=text, parse_mode=mode)
    theirs = (real["text"], shape(real["entities"])) if real["@type"] == "formattedText" else real["message"]
    try:
        plain, entities = parse_html(text)
    except ApiError as refused:
        return theirs, "C" + refused.description.removeprefix("Bad Request: c")
    ours = [(e["offset"], -e["length"], e["type"], e.get("url") or e.get("language") or "") for e in entities]
    return theirs, (plain, sorted(ours))


def kind_of(theirs, ours):
    """A difference by its kind: which side refuses, else what is not the same."""
    if isinstance(theirs, str) or isinstance(ours, str):
        both = isinstance(theirs, str) and isinstance(ours, str)
        return "reason" if both else "only they refuse" if isinstance(theirs, str) else "only we refuse"
    return "text" if theirs[0] != ours[0] else "entities"


def test_html_is_parsed_as_tdlib_parses_it():
    found: dict[str, int] = {}
    passed = tried = 0
    end = time.process_time() + SECONDS
    for seed in SEEDS:
        dice = random.Random(seed)
        for _ in range(ROUNDS):
            for make in (scattered, nested, linked):
                text = make(dice)
                theirs, ours = answers(text)
                tried += 1
                passed += not isinstance(theirs, str)
                if theirs != ours:
                    kind = kind_of(theirs, ours)
                    found[kind] = found.get(kind, 0) + 1
                    assert kind in KNOWN, (text, theirs, ours)
        assert time.process_time() < end, "the differential run takes too long"
    assert found == KNOWN
    assert tried == 3 * ROUNDS * len(SEEDS)
    assert passed > tried / 2, "texts that pass are the better half of the test"


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
