"""The colours of every picture, by what they stand for, on light paper and on dark."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as #rrggbb."""

    paper: str
    ink: str
    grid: str
    price: str
    buy: str
    exit: str
    average: str
    loss: str


LIGHT = Palette("#ffffff", "#26323d", "#e3e8ec", "#5c6f80", "#1f5fa8", "#1d8a4e", "#8a6d1d", "#c0392b")
DARK = Palette("#17212b", "#e4ecf2", "#2b3947", "#9fb3c4", "#6ab0f3", "#5fd08f", "#e3c15f", "#f08072")


def palette(*, dark: bool) -> Palette:
    return DARK if dark else LIGHT
