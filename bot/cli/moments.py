"""Dates and numbers as a person types them behind an option."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import click

_DAY_MS = 86_400_000


class Moment(click.ParamType[int]):
    """ms UTC from a day, a day with a time, or milliseconds. `last`: a day alone means its end."""

    name = "day"

    def __init__(self, *, last: bool = False) -> None:
        self._last = last

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401
        text = str(value).strip()
        if text.isascii() and text.isdecimal() and len(text) > 8:
            return int(text)
        try:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            at = int(moment.timestamp() * 1000)
        except (ValueError, OverflowError):
            self.fail(f"{text!r} is not a day such as 2023-03-31, nor 2023-03-31T18:00", param, ctx)
        return at + _DAY_MS if self._last and len(text) <= len("2023-03-31") else at


class Share(click.ParamType[Decimal]):
    """A fraction from 0 up to 1: 0.001 or 0.1%."""

    name = "fraction"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - what click gives
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Decimal:
        text = str(value).strip()
        try:
            number = Decimal(text.removesuffix("%"))
        except InvalidOperation:
            number = Decimal("NaN")
        if text.endswith("%"):
            number = number.scaleb(-2)
        if not number.is_finite() or not 0 <= number < 1:
            self.fail(f"{text!r} is not a fraction such as 0.001 or 0.1%", param, ctx)
        return number
