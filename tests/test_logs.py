"""Logs: JSON lines where nobody looks at a terminal, and no secret in either form."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from bot.logs import configure, masker

CANARY = "canary-4f9a1c77b2"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Logging is the process's: give it back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("json_lines", [True, False])
def test_a_known_secret_is_masked_wherever_it_is_logged(
    capsys: pytest.CaptureFixture[str], json_lines: bool
) -> None:
    configure(json_lines=json_lines)
    masker.add(CANARY)
    structlog.get_logger().warning("event", field=f"a {CANARY} b", thing={"deep": CANARY})
    logging.getLogger("elsewhere").warning("plain %s", CANARY)
    try:
        int(CANARY)
    except ValueError:
        structlog.get_logger().exception("failed")
    written = capsys.readouterr().err
    assert CANARY not in written
    assert written.count("***") == 4


def test_a_dyno_gets_one_json_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json_lines=True)
    structlog.get_logger().info("ready", environments=["bybit"])
    logging.getLogger("other").warning("words")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["ready", "words"]
    assert all({"level", "timestamp"} <= set(line) for line in lines)


def test_the_http_libraries_do_not_log_the_bots_token(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json_lines=True, level="DEBUG")
    logging.getLogger("httpx").info("POST https://host/bot%s/getMe", CANARY)
    assert capsys.readouterr().err == ""
