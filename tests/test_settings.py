"""What the settings make of what is written in them."""

import base64
import os

import pytest

from bot.errors import ConfigError
from bot.settings import Settings

GOOD = base64.b64encode(bytes(range(32))).decode()


def master_keys(text: str) -> dict[str, str]:
    keys = Settings(_env_file=None, vault_master_keys=text).master_keys()
    return {name: key.reveal() for name, key in keys.items()}


def test_master_keys_are_read_newest_first() -> None:
    older = base64.b64encode(os.urandom(32)).decode()
    keys = master_keys(f"k2:{GOOD}, k1:{older}")
    assert list(keys.items()) == [("k2", GOOD), ("k1", older)]


@pytest.mark.parametrize(
    "text",
    ["nonsense", "k1:", f":{GOOD}", "k1:c2hvcnQ=", "k1:%%%", "k1:é", f"k1:{GOOD},", f"k1:{GOOD},k1:{GOOD}"],
)
def test_a_bad_master_key_is_told_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        master_keys(text)
    (problem,) = refused.value.problems
    assert "VAULT_MASTER_KEYS" in problem
    assert GOOD not in problem
    assert "c2hvcnQ=" not in problem
