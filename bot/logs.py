"""Logs: readable on a terminal, JSON lines on a dyno, and nobody's secret in either."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

Event = MutableMapping[str, Any]

_QUIET = {
    # httpx and httpcore log every URL at INFO, and Telegram's URLs hold the bot's token
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "apscheduler": logging.WARNING,
    "pybit": logging.WARNING,
    "urllib3": logging.WARNING,
    "websockets": logging.WARNING,
    "telegram": logging.WARNING,
    "aiohttp.access": logging.WARNING,
}
_MASK = "***"


class Masker:
    """Replaces known secrets in whatever is logged: the last net, not the first."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def add(self, secret: str) -> None:
        if len(secret) >= 8:
            self._known.add(secret)

    def clean(self, text: str) -> str:
        for secret in self._known:
            text = text.replace(secret, _MASK)
        return text

    def __call__(self, _logger: object, _method: str, event: Event) -> Event:
        return {key: self._masked(value) for key, value in event.items()}

    def _masked(self, value: Any) -> Any:  # noqa: ANN401 - whatever somebody logs
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self.clean(value)
            case dict():
                return {key: self._masked(inner) for key, inner in value.items()}
            case list() | tuple():
                return [self._masked(inner) for inner in value]
            case _:
                return self.clean(str(value))


masker = Masker()


def configure(*, json_lines: bool, level: str = "INFO") -> None:
    """Set up structlog and the standard library's logging, once per process; everything goes to stderr."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[structlog.typing.Processor]
    if json_lines:
        render = [
            structlog.processors.format_exc_info,
            masker,
            structlog.processors.JSONRenderer(default=str),
        ]
    else:
        colors = sys.stderr.isatty()
        # plain tracebacks: the rich ones print local variables, and with them secrets
        plain = structlog.dev.plain_traceback
        render = [
            structlog.processors.format_exc_info,
            masker,
            structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain),
        ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(quiet)
