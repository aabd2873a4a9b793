"""Text and entities; every expectation was taken from TDLib itself (parseTextEntities, getTextEntities)."""

import pytest

from bot.sandbox.telegram_entities import message_text, user_text
from bot.sandbox.telegram_errors import ApiError
from bot.sandbox.telegram_html import parse_html
from bot.sandbox.telegram_links import checked_link, find_links

PARSED = [
    ("&lt", "<", []),
    ("&#65 x", "A x", []),
    ("&#x41;", "A", []),
    ("&#0;&foo;&nbsp;&LT;&#1114112;& &", "&#0;&foo;&nbsp;&LT;&#1114112;& &", []),
    ("&amp;amp;", "&amp;", []),
    ("<b>a</b >", "a", [("bold", 0, 1)]),
    ("<STRONG a=1 b>x</strong>", "x", [("bold", 0, 1)]),
    ("<b>x</>", "x", [("bold", 0, 1)]),
    ("😀<em>é</em>", "😀é", [("italic", 2, 1)]),
    ("<del>a</del><ins>b</ins>", "ab", [("strikethrough", 0, 1), ("underline", 1, 1)]),
    ('<span class="tg-spoiler">s</span>', "s", [("spoiler", 0, 1)]),
    ("<pre><code class='language-py'>x</code></pre>", "x", [("pre", 0, 1, "py")]),
    ("<code class='language-py'><pre>x</pre></code>", "x", [("pre", 0, 1, "py")]),
    ("<code class='language-py'>x</code>", "x", [("code", 0, 1)]),
    ("<b></b>", "", []),
    ("<blockquote expandable>b</blockquote>", "b", [("expandable_blockquote", 0, 1)]),
    ("<a href='example.com'>t</a>", "t", [("text_link", 0, 1, "http://example.com/")]),
    ("<a>https://x.com</a>", "https://x.com", [("text_link", 0, 13, "https://x.com/")]),
    ("<a>zz</a>", "zz", []),
    ("<a href='javascript:alert(1)'>t</a>", "t", []),
    ("<a href='http://x.com/?a&amp;b'>t</a>", "t", [("text_link", 0, 1, "http://x.com/?a&b")]),
]

UNPARSED = [
    ("<", "Unclosed start tag at byte offset 0"),
    ("a<b", "Unclosed start tag at byte offset 1"),
    ("<b a='x>x</b>", "Unclosed start tag at byte offset 0"),
    ("é < 5", 'Unsupported start tag "" at byte offset 3'),
    ("<b/>x", 'Unsupported start tag "b/" at byte offset 0'),
    ("<table>", 'Unsupported start tag "table" at byte offset 0'),
    ("</b>", "Unexpected end tag at byte offset 0"),
    ("a <i>b</b>", 'Unmatched end tag at byte offset 6, expected "</i>", found "</b>"'),
    ("<u>x</u", "Unclosed end tag at byte offset 4"),
    ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
    ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ("<b =>x</b>", 'Empty attribute name in the tag "b" at byte offset 0'),
    ("<b a=?>x</b>", "Unexpected end of name token at byte offset 5"),
]

FOUND = [
    ("/start", ["bot_command /start"]),
    ("/start@some_bot x", ["bot_command /start@some_bot"]),
    ("1/2 a/b /x/", []),
    ("$BTC $btc $1INCH US$BTC R$10", ["cashtag $BTC", "cashtag $1INCH"]),
    ("#tag #1 #a#b", ["hashtag #tag"]),
    ("@user @usr @gif a@b", ["mention @user", "mention @gif"]),
    ("me@mail.co.uk mailto:a@b.com", ["email me@mail.co.uk", "email a@b.com"]),
    ("x.com https://x.y x.COM", ["url x.com", "url x.COM"]),
    ("binance.com/a(b) (x.com).", ["url binance.com/a(b)", "url x.com"]),
    ("1.2.3.4 256.1.1.1 0.035 1.000", ["url 1.2.3.4"]),
    ("config.js a.py e.g. fim.Nome", ["url a.py"]),
    ("http://localhost:80/a 127.0.0.1:8000", ["url 127.0.0.1:8000"]),
    ("x.com:99999/a x.com@y", ["url x.com"]),
    ("tg://resolve?d", ["url tg://resolve?d"]),
]


@pytest.mark.parametrize(("html", "text", "entities"), PARSED)
def test_html_becomes_text_and_entities(html, text, entities):
    found, parsed = parse_html(html)
    assert found == text
    shown = []
    for entity in parsed:
        extra = entity.get("language") or entity.get("url")
        shown.append((entity["type"], entity["offset"], entity["length"], *([extra] if extra else [])))
    assert shown == entities


@pytest.mark.parametrize(("html", "reason"), UNPARSED)
def test_html_that_cannot_be_parsed_says_where(html, reason):
    with pytest.raises(ApiError) as refused:
        parse_html(html)
    assert refused.value.description == f"Bad Request: can't parse entities: {reason}"


@pytest.mark.parametrize(("text", "found"), FOUND)
def test_links_and_names_are_recognised(text, found):
    assert [f"{kind} {text[start:end]}" for start, end, kind in find_links(text)] == found


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://Example.COM/A?b=1", "https://example.com/A?b=1"),
        ("x.com#f", "http://x.com/#f"),
        ("http://127.0.0.1:80/a", "http://127.0.0.1:80/a"),
        ("tg://resolve?domain=a", "tg://resolve?domain=a"),
        ("http://localhost/x", None),
        ("ftp://x.y", None),
        ("//x.com", None),
        ("http://x.com:99999/", None),
        ("https://x .com", None),
    ],
)
def test_links_are_kept_in_the_form_telegram_stores(given, kept):
    assert checked_link(given) == kept


def entities(text, parse_mode="HTML"):
    formatted = message_text(text, parse_mode, "")
    return formatted.text, [(e["type"], e["offset"], e["length"]) for e in formatted.entities]


def test_edges_are_trimmed_but_not_the_inside_of_leading_code():
    assert entities("\n  <b>a </b> \n") == ("a", [("bold", 0, 1)])
    assert entities("<pre> a</pre>\n") == (" a", [("pre", 0, 2)])


def test_control_characters_become_blanks_and_carriage_returns_vanish():
    assert entities("a\r\n<b>b\tc</b>") == ("a\nb c", [("bold", 2, 3)])


def test_styles_are_cut_where_something_else_begins_and_vanish_in_code():
    assert entities("<b>a<i>b</i>c</b>") == ("abc", [("bold", 0, 1), ("bold", 1, 2), ("italic", 1, 1)])
    assert entities("<b>see /start now</b>") == (
        "see /start now",
        [("bold", 0, 4), ("bot_command", 4, 6), ("bold", 4, 6), ("bold", 10, 4)],
    )
    assert entities("<code>a<b>b</b></code>") == ("ab", [("code", 0, 2)])
    assert entities("<b>a</b><b>b</b>") == ("ab", [("bold", 0, 2)])


def test_nothing_is_recognised_inside_code():
    assert entities("<pre>x.com /start</pre>") == ("x.com /start", [("pre", 0, 12)])


def test_entities_may_come_instead_of_markup():
    given = '[{"type":"bold","offset":2,"length":1},{"type":"url","offset":0,"length":1}]'
    formatted = message_text("😀b", "", given)
    assert formatted.entities == ({"type": "bold", "offset": 2, "length": 1},)
    for bad, words in (
        ('[{"type":"bold","offset":1,"length":1}]', "in a middle of a UTF-16 symbol"),
        ('[{"type":"bold","offset":2,"length":9}]', "ends after the end of the text at UTF-16 offset 11"),
        ('[{"type":"bold","offset":2}]', 'Can\'t find field "length"'),
        ('[{"type":"huge","offset":0,"length":1}]', "Unsupported type specified"),
    ):
        with pytest.raises(ApiError, match=words):
            message_text("😀b", "", bad)


def test_a_person_types_no_markup():
    typed = user_text("<b>3,5%</b> & /stop")
    assert typed.text == "<b>3,5%</b> & /stop"
    assert [e["type"] for e in typed.entities] == ["bot_command"]
