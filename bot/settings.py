"""The environment as frozen settings; every problem is listed at once."""

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import ConfigError
from bot.ports import Secret

_DYNO_MARKS = ("DYNO", "RENDER", "RAILWAY_ENVIRONMENT", "FLY_APP_NAME", "K_SERVICE")
_MASTER_KEY_BYTES = 32
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Settings(BaseSettings):
    """What the deployment decides. Names in the environment are these, in capitals (.env.example lists them)."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    telegram_bot_token: SecretStr | None = Field(None, description="the token that @BotFather gave you")
    telegram_owner_id: int | None = Field(
        None, description="your Telegram user id; empty: a single-use claim code is printed in the log"
    )
    telegram_api_url: str | None = Field(
        None, description="another Bot API server, such as the sandbox's; empty: Telegram's own"
    )
    data_dir: Path = Field(Path("data"), description="where the database lies; it must survive restarts")
    data_is_durable: bool = Field(
        default=False, description="on a dyno: say yes when DATA_DIR is on a volume that survives restarts"
    )
    vault_master_keys: SecretStr | None = Field(
        None,
        description="for unattended resume: newest first, as id:base64 of 32 bytes, separated by commas",
    )
    secrets_in_chat: bool = Field(
        default=False,
        description="yes lets people type passwords and keys into the chat (Telegram sees them)",
    )
    web_public_url: str | None = Field(
        None,
        description="where people reach our page for passwords and keys: https://..., or http:// on 127.0.0.1 only",
    )
    web_host: str = Field(
        "127.0.0.1", description="the address that our page listens on; a dyno wants 0.0.0.0"
    )
    web_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("web_port", "port"),
        description="its port, also read from PORT; empty: no page and no /health; 0: a free one, for trying it out",
    )
    default_pair: str = Field("BTCUSDT", description="the pair that /newstrategy offers first")
    max_running_strategies: int = Field(
        20, ge=1, description="the most strategies one person may run at once"
    )
    max_saved_strategies: int = Field(100, ge=1, description="the most strategies one person may have saved")
    max_commands_a_minute: int = Field(
        60, ge=5, description="the most messages and presses of one person that are served in a minute"
    )
    history_dir: Path | None = Field(
        None, description="where public candles for backtests are kept; empty: DATA_DIR/history"
    )
    history_max_mb: int = Field(
        500, ge=20, description="the most disk that they may take; the longest unused go first"
    )
    backtests_at_once: int = Field(1, ge=1, le=16, description="how many backtests run at the same time")
    backtest_max_mb: int = Field(
        300, ge=150, description="the most memory that one backtest's process may take"
    )
    backtest_max_seconds: int = Field(
        900, ge=10, description="the most time that one backtest may take, fetching included"
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto: console on a terminal, json elsewhere"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="least level logged")
    sandbox_bybit_rest: str | None = Field(None, description="a sandbox exchange's REST address, to offer it")
    sandbox_bybit_ws_private: str | None = Field(None, description="its private stream")
    sandbox_bybit_key: SecretStr | None = Field(None, description="its API key, offered as a button in /keys")
    sandbox_bybit_secret: SecretStr | None = Field(None, description="its API secret")

    @property
    def database(self) -> Path:
        return self.data_dir / "trader.sqlite"

    @property
    def history(self) -> Path:
        return self.history_dir or self.data_dir / "history"

    @property
    def sandbox(self) -> bool:
        return self.sandbox_bybit_rest is not None

    def sandbox_addresses(self) -> tuple[str, str] | None:
        """REST and private stream of the sandbox exchange, where both are set."""
        rest, private = self.sandbox_bybit_rest, self.sandbox_bybit_ws_private
        return (rest, private) if rest and private else None

    def master_keys(self) -> dict[str, Secret]:
        """Key id to 32 bytes in base64, newest first; ConfigError for anything else, never with the key."""
        if self.vault_master_keys is None:
            return {}
        keys: dict[str, Secret] = {}
        for entry in self.vault_master_keys.get_secret_value().split(","):
            name, _, text = entry.strip().partition(":")
            if not name or name in keys or not _is_master_key(text):
                raise ConfigError(
                    ["VAULT_MASTER_KEYS: expected id:base64 of 32 bytes, separated by commas, no id twice"]
                )
            keys[name] = Secret(text)
        return keys

    def problems(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """What stands in the way of `run`, each with its mend."""
        found: list[str] = []
        if self.telegram_bot_token is None:
            found.append(
                "TELEGRAM_BOT_TOKEN is missing: ask @BotFather for one, or try `make demo` without any"
            )
        elif not _like_a_token(self.telegram_bot_token.get_secret_value()):
            found.append("TELEGRAM_BOT_TOKEN does not look like one: digits, a colon, 35 characters")
        if on_a_dyno(environ) and not self.data_is_durable:
            found.append(
                "this host wipes its disk at every restart: put DATA_DIR on a volume and set DATA_IS_DURABLE=yes"
            )
        found += self._page_problems()
        if (self.sandbox_bybit_rest is None) != (self.sandbox_bybit_ws_private is None):
            found.append("SANDBOX_BYBIT_REST and SANDBOX_BYBIT_WS_PRIVATE are set together or not at all")
        try:
            self.master_keys()
        except ConfigError as exc:
            found += exc.problems
        return tuple(found)

    def _page_problems(self) -> list[str]:
        if self.web_public_url is None:
            return []
        parts = urlsplit(self.web_public_url)
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        found = []
        if not safe or not parts.hostname or parts.query or parts.fragment or parts.path.strip("/"):
            found.append("WEB_PUBLIC_URL: expected https://your.host (http:// works on 127.0.0.1 only)")
        if self.web_port is None:
            found.append("WEB_PUBLIC_URL needs WEB_PORT (or PORT): the page must listen somewhere")
        return found


def on_a_dyno(environ: Mapping[str, str]) -> bool:
    """Whether this is a cloud host whose disk does not last, by the marks that such hosts set."""
    return any(environ.get(mark) for mark in _DYNO_MARKS)


def load_settings() -> Settings:
    """From the environment and .env; ConfigError lists every value that does not fit."""
    try:
        return Settings()  # type: ignore[call-arg]
    except ValidationError as exc:
        # the message of pydantic shows the input, which may be a secret: only the place and the rule are told
        problems = [f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in exc.errors()]
        raise ConfigError(problems) from None


def checked(settings: Settings) -> Settings:
    """The settings, when `run` can start with them; ConfigError with every problem otherwise."""
    problems = settings.problems(os.environ)
    if problems:
        raise ConfigError(problems)
    return settings


def secret(value: SecretStr | None) -> Secret | None:
    return None if value is None else Secret(value.get_secret_value())


def _is_master_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == _MASTER_KEY_BYTES
    except ValueError:  # of which binascii.Error is one
        return False


def _like_a_token(text: str) -> bool:
    number, _, rest = text.partition(":")
    return number.isdigit() and len(rest) == 35
