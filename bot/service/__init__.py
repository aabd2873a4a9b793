"""The use cases that the chat and the command line ask for; `core` holds the first of them."""

from bot.service.core import (
    ExchangeFactory,
    Market,
    Service,
    StatusCard,
    VaultState,
    parse_environment,
)
from bot.service.stopping import StopOutcome

__all__ = [
    "ExchangeFactory",
    "Market",
    "Service",
    "StatusCard",
    "StopOutcome",
    "VaultState",
    "parse_environment",
]
