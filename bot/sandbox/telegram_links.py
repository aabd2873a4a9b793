"""What Telegram recognises by itself in a text: commands, tags, mentions, links and addresses.

Rules after TDLib's find_entities. Spans here are Python character ranges; telegram_entities turns them into
UTF-16 offsets. Top-level domains are a list of our own of the countries and the common names, so a link in a
rarer domain needs its ``https://`` here, where the real one would see it bare.
"""

import ipaddress
import re
from typing import Final

_COUNTRIES: Final = (
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc "
    "cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga "
    "gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp "
    "ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms "
    "mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro "
    "rs ru rw sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr "
    "tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw"
)
_COMMON: Final = (
    "com net org edu gov mil int info biz name pro aero asia cat coop jobs mobi museum post tel travel app dev page "
    "blog shop store online site website tech cloud digital space world today live news media studio agency bank "
    "cash capital exchange finance financial fund gold investments market markets money trade trading xyz top club "
    "vip wiki work zone network systems services solutions software support tools link chat email social video ton "
    "crypto one team group center company guru life love ninja rocks run wtf academy business games host international "
    "foundation earth global design expert school university science health art arpa"
)
_TLDS: Final = frozenset((_COUNTRIES + " " + _COMMON).split()) | {
    "рф",
    "рус",
    "москва",
    "сайт",
    "онлайн",
    "укр",
}

_LETTER: Final = r"\w\u200c\xb7\u0d80-\u0dff"
_NAME: Final = r"[a-zA-Z0-9_]"
_COMMAND: Final = re.compile(rf"(?<![\w/<>])/({_NAME}{{1,64}})(?:@{_NAME}{{3,32}})?(?![\w/<>@]|{_NAME})")
_BARE_COMMAND: Final = re.compile(rf"(?<![\w/<>])/({_NAME}{{1,64}})(?![\w/<>])")
_MENTION: Final = re.compile(rf"(?<!\w)@({_NAME}{{4,32}}|gif|nft|pic|ufc|vid)(?!\w)", re.IGNORECASE)
_HASHTAG: Final = re.compile(
    rf"(?<![{_LETTER}])#([{_LETTER}]{{1,256}})(?:@{_NAME}{{3,32}})?(?![{_LETTER}]*#)"
)
_CASHTAG: Final = re.compile(
    rf"(?<![${_LETTER}])\$(?:1INCH|[A-Z]{{1,8}})(?:@{_NAME}{{3,32}})?(?![${_LETTER}])"
)
_EMAIL: Final = re.compile(r"(?<![\w.@+/#-])[\w.+-]{1,64}@(?:[\w-]+\.)+([^\W\d_]{2,24})(?![\w@-])")
_URL: Final = re.compile(
    r"""(?<![\w@/\#.-])
    (?P<scheme>(?:https?|ftp|tonsite)://)?
    (?P<host>(?:[\w~-]+\.)+[\w-]+)(?![\w@-])
    (?P<port>:0*[1-9]\d{0,4}(?!\d))?
    (?P<path>[/?\#][^\s<>"«»\u2000-\u200b\u200e\u200f\u2016-\u206f]*)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_DEEP_LINK: Final = re.compile(r"""(?:tg|ton)://[\w-]{1,253}(?:[/?\#][^\s<>"«»]*)?""", re.IGNORECASE)
_HIGHEST_PORT: Final = 65535
_LINK_CHAR: Final = r"(?:[a-z0-9_.~!$&'()*+,;=-]|%[0-9a-f]{2}|[^\x00-\x7f])"
_LAST_USER: Final = (1 << 40) - 1
_URL_PARTS: Final = re.compile(
    r"""(?:(?P<scheme>[^:/?\#@\[\]]*)://)?
    (?P<user>[^/?\#]*@)?
    (?P<host>\[[^\]/?\#]*\]|[^:/?\#@]*)
    (?::(?P<port>[0-9]*))?
    (?P<tail>[/?\#].*)?""",
    re.VERBOSE | re.DOTALL,
)
_TRAILING: Final = ".:;,('?!`"
_BRACKETS: Final = {"(": ")", "[": "]", "{": "}"}

Span = tuple[int, int, str]


def find_links(text: str) -> list[Span]:
    """(start, end, entity type) of everything recognised, in order, none touching another."""
    found: list[Span] = [
        *((m.start(), m.end(), "mention") for m in _MENTION.finditer(text)),
        *((m.start(), m.end(), "bot_command") for m in _commands(text)),
        *((m.start(), m.end(), "hashtag") for m in _HASHTAG.finditer(text) if _has_letter(m[1])),
        *((m.start(), m.end(), "cashtag") for m in _CASHTAG.finditer(text)),
        *((m.start(), m.end(), "email") for m in _EMAIL.finditer(text) if _is_tld(m[1])),
        *((m.start(), m.start() + len(_trim_path(m[0], 0)), "url") for m in _DEEP_LINK.finditer(text)),
        *_urls(text),
    ]
    found.sort(key=lambda span: (span[0], -span[1]))
    kept: list[Span] = []
    for span in found:
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    return kept


def _commands(text: str) -> list[re.Match[str]]:
    spans = {m.start(): m for m in _BARE_COMMAND.finditer(text) if text[m.end() : m.end() + 1] != "@"}
    spans.update({m.start(): m for m in _COMMAND.finditer(text)})
    return list(spans.values())


def _urls(text: str) -> list[Span]:
    spans: list[Span] = []
    for match in _URL.finditer(text):
        host = match["host"]
        if not _is_host(host, has_scheme=bool(match["scheme"])):
            continue
        port = match["port"] or ""
        if port and int(port[1:]) > _HIGHEST_PORT:
            end = match.end("host")
        else:
            end = match.start() + len(_trim_path(match[0], len(match[0]) - len(match["path"] or "")))
        spans.append((match.start(), end, "url"))
    return spans


def _trim_path(url: str, head: int) -> str:
    """Without the closing brackets and full stops that belong to the sentence around the link."""
    depth = dict.fromkeys(_BRACKETS.values(), 0)
    end = head
    for char in url[head:]:
        if char in _BRACKETS:
            depth[_BRACKETS[char]] += 1
        elif char in depth:
            depth[char] -= 1
            if depth[char] < 0:
                break
        end += 1
    while end > head and url[end - 1] in _TRAILING:
        end -= 1
    return url[:end]


def _is_host(host: str, *, has_scheme: bool) -> bool:
    parts = host.split(".")
    if any(not part or len(part) > 63 or part.endswith("-") for part in parts):
        return False
    if all(part.isdecimal() for part in parts):
        return _is_ipv4(host)
    last = parts[-1]
    if len(last) < 2:
        return False
    if last.startswith("xn--"):
        return len(last) > 5
    if "_" in last or "-" in last or "_" in parts[-2]:
        return False
    return has_scheme or _is_tld(last)


def _is_tld(word: str) -> bool:
    return word.lower() in _TLDS and (word.islower() or not word[1:].islower() or word[0].islower())


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def _has_letter(word: str) -> bool:
    return any(char.isalpha() for char in word)


def user_of_link(url: str) -> int | None:
    """The person a ``tg://user?id=N`` link names."""
    match = re.fullmatch(r"tg:(?://)?user/?\?([^#]*)(?:#.*)?", url, re.IGNORECASE | re.DOTALL)
    for parameter in match[1].split("&") if match else ():
        name, _, value = parameter.partition("=")
        if name.lower() == "id":
            return int(value) if re.fullmatch(r"[1-9]\d{0,12}", value) and int(value) <= _LAST_USER else None
    return None


def checked_link(url: str) -> str | None:
    """The link as Telegram stores it (lower-case host, a path at least "/"), or None where it is refused.

    After TDLib's LinkManager and parse_url. A host must contain a dot: links to ``localhost`` are refused by the
    real service too.
    """
    deep = re.match(r"(tg|ton|tonsite):(?://)?", url, re.IGNORECASE)
    parts = _URL_PARTS.fullmatch(url[deep.end() :] if deep else url)
    if parts is None or not re.fullmatch(r"0*[1-9][0-9]{0,4}", parts["port"] or "1"):
        return None
    if int(parts["port"] or 1) > _HIGHEST_PORT:
        return None
    scheme = "http" if parts["scheme"] is None else parts["scheme"].lower()
    host = parts["host"].lower()
    user = (parts["user"] or "").removesuffix("@")
    if scheme not in {"http", "https"} or not _is_link_host(host) or parts["port"] == "":
        return None
    if not host.startswith("[") and not re.fullmatch(f"(?:{_LINK_CHAR}|:)*", user, re.IGNORECASE):
        return None
    tail = re.sub(
        r"[\x00-\x20]", lambda char: f"%{ord(char[0]):02X}", (parts["tail"] or "").rstrip(" \t\r\n\0\v")
    )
    tail = tail if tail.startswith("/") else "/" + tail
    if deep:
        return None if user or parts["scheme"] or parts["port"] else _deep_link(deep[1].lower(), host, tail)
    if "." not in host and not host.startswith("["):
        return None
    port = f":{int(parts['port'])}" if parts["port"] else ""
    return f"{scheme}://{user + '@' if user else ''}{host}{port}{tail}"


def _deep_link(scheme: str, host: str, tail: str) -> str | None:
    if not re.fullmatch(r"[a-z0-9._-]+" if scheme == "tonsite" else r"[a-z0-9_-]+", host):
        return None
    return f"{scheme}://{host}{tail[1:] if tail.startswith('/?') else tail}"


def _is_link_host(host: str) -> bool:
    if host.startswith("[") and host.endswith("]"):
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            return False
        return True
    return host != "." and re.fullmatch(f"{_LINK_CHAR}+", host, re.IGNORECASE) is not None
