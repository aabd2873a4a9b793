"""The falls that people remember, to be looked up in a history that holds them. Days are UTC.

Dates and causes as the press and the exchanges' own notices of those days tell them; how deep a fall went is not
kept here, for each pair has its own: it is read from the candles.
"""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Crash:
    """`key` is for catalogues; `title` in English. `first` and `last` are days, both within it."""

    key: str
    title: str
    first: str
    last: str
    source: str

    @property
    def start(self) -> int:
        """The first midnight, ms UTC."""
        return _midnight(self.first)

    @property
    def end(self) -> int:
        """The end of its last day, ms UTC."""
        return _midnight(self.last) + 86_400_000


def _midnight(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1000


CRASHES: tuple[Crash, ...] = (
    Crash("bubble_2018", "the end of the 2017 bubble", "2018-01-06", "2018-02-06", "a month of falling prices after the peak of December 2017; press of those weeks"),
    Crash("hash_war_2018", "the hash war", "2018-11-14", "2018-11-25", "Bitcoin Cash splits on 2018-11-15 and two camps fight with hash power; press of those days"),
    Crash("covid_2020", "the covid crash", "2020-03-12", "2020-03-13", "all markets fall as the pandemic is declared (WHO, 2020-03-11)"),
    Crash("may_2021", "the fall of May 2021", "2021-05-12", "2021-05-19", "Tesla stops taking bitcoin (2021-05-12), China's finance bodies repeat their ban (2021-05-18)"),
    Crash("september_2021", "El Salvador's day", "2021-09-07", "2021-09-07", "a fall within hours on the day bitcoin becomes tender there; press of that day"),
    Crash("december_2021", "the liquidations of December 2021", "2021-12-03", "2021-12-04", "leveraged positions are closed by force in one night; exchanges' liquidation figures"),
    Crash("january_2022", "the fall of January 2022", "2022-01-20", "2022-01-24", "shares and crypto fall together before the Federal Reserve's meeting; press of those days"),
    Crash("luna_2022", "the collapse of LUNA", "2022-05-07", "2022-05-12", "TerraUSD loses its peg from 2022-05-07 on, its chain is halted on 2022-05-12"),
    Crash("celsius_2022", "Celsius stops withdrawals", "2022-06-12", "2022-06-18", "Celsius' notice of 2022-06-12, then Three Arrows Capital"),
    Crash("ftx_2022", "the collapse of FTX", "2022-11-06", "2022-11-09", "Binance says it sells FTT (2022-11-06), FTX stops withdrawals (2022-11-08)"),
    Crash("usdc_2023", "USDC loses its peg", "2023-03-09", "2023-03-11", "Silicon Valley Bank fails (2023-03-10), Circle says part of USDC's reserve is there"),
    Crash("august_2023", "the fall of August 2023", "2023-08-16", "2023-08-18", "a fall within minutes on 2023-08-17; exchanges' liquidation figures"),
    Crash("yen_2024", "the yen unwinds", "2024-08-02", "2024-08-05", "loans in yen are called as its rate rises; all markets fall on 2024-08-05"),
    Crash("tariffs_2025", "the tariff night", "2025-10-10", "2025-10-11", "new tariffs are announced on 2025-10-10; the largest liquidations on record by then"),
)  # fmt: skip
