"""The use cases that the chat and the command line ask for; `core` holds the first of them."""

from bot.service.core import ExchangeFactory, Service, parse_environment
from bot.service.stopping import StopOutcome
from bot.service.views import Market, StatusCard, VaultState

__all__ = [
    "ExchangeFactory",
    "Market",
    "Service",
    "StatusCard",
    "StopOutcome",
    "VaultState",
    "parse_environment",
]
