"""Texts in the person's language, from the gettext catalogues in handlers/locale (read as .po, never compiled)."""

import html
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po
from babel.numbers import format_decimal

LOCALES = ("pt_BR", "en")
_HERE = Path(__file__).parent / "locale"


def locale_of(language_code: str | None) -> str:
    """Telegram's language code (`pt-br`, `en`, None ...) as one of ours: every Portuguese is pt_BR, the rest en."""
    return "pt_BR" if (language_code or "").lower().startswith("pt") else "en"


class Texts:
    """Renders messages as Telegram HTML: values are escaped, the catalogue's own markup stays."""

    def __init__(self, locale: str, catalogue: Mapping[str, str | tuple[str, ...]]) -> None:
        self.locale = locale
        self._catalogue = catalogue

    def __call__(self, key: str, /, **values: object) -> str:
        """The text of `key`; KeyError for a key that no catalogue has, so that a test sees it."""
        text = self._catalogue[key]
        if isinstance(text, tuple):
            raise KeyError(f"{key} is counted: use texts.count")
        return text.format(**{name: html.escape(str(value), quote=False) for name, value in values.items()})

    def count(self, key: str, n: int, /, **values: object) -> str:
        """A counted text: pt_BR takes the singular for 0 and 1, English for 1 only."""
        forms = self._catalogue[key]
        one = n in {0, 1} if self.locale == "pt_BR" else n == 1
        text = forms[0 if one else 1] if isinstance(forms, tuple) else forms
        return text.format(
            n=format_decimal(n, locale=self.locale),
            **{name: html.escape(str(value), quote=False) for name, value in values.items()},
        )

    def plain(self, key: str, /, **values: object) -> str:
        """The text for places without markup (button labels, toasts, file names): nothing is escaped."""
        text = self._catalogue[key]
        if isinstance(text, tuple):
            raise KeyError(f"{key} is counted: use texts.count")
        return text.format(**values)

    def __contains__(self, key: str) -> bool:
        return key in self._catalogue


@cache
def texts_for(locale: str) -> Texts:
    """The texts of one locale, all its catalogues (LC_MESSAGES/*.po) together; a key twice is a ValueError."""
    catalogue: dict[str, str | tuple[str, ...]] = {}
    for path in sorted((_HERE / locale / "LC_MESSAGES").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=locale):
                if not message.id:
                    continue
                key = message.id if isinstance(message.id, str) else message.id[0]
                if key in catalogue:
                    raise ValueError(f"{key} stands twice in the {locale} catalogues")
                catalogue[key] = (
                    message.string if isinstance(message.string, str) else tuple(message.string or ())
                )
    return Texts(locale, catalogue)
