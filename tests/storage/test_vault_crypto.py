import base64
import copy
import os
import pickle

import pytest

from bot.errors import VaultDamaged
from bot.ports import Secret
from storage.vault_crypto import (
    Argon,
    Key,
    check_password,
    new_key,
    seal,
    server_key,
    suggest_password,
    unseal,
)

CHEAP = Argon(memory_kib=64, iterations=1, lanes=1)
PASSWORD = Secret("cavalo correto bateria")


def test_the_default_cost_is_the_one_that_was_measured():
    assert Argon() == Argon(memory_kib=65536, iterations=3, lanes=4)


def test_a_key_depends_on_password_salt_person_and_cost():
    salt = os.urandom(16)
    keys = [
        CHEAP.derive(PASSWORD, salt=salt, person_id=1),
        CHEAP.derive(Secret("cavalo correto bateriA"), salt=salt, person_id=1),
        CHEAP.derive(PASSWORD, salt=os.urandom(16), person_id=1),
        CHEAP.derive(PASSWORD, salt=salt, person_id=2),
        Argon(memory_kib=128, iterations=1, lanes=1).derive(PASSWORD, salt=salt, person_id=1),
    ]
    assert len({bytes(key) for key in keys}) == len(keys)
    assert CHEAP.derive(PASSWORD, salt=salt, person_id=1) == keys[0]


def test_argon_agrees_with_the_rfcs_own_vector():
    """RFC 9106 5.3 has a secret input that we do not use; without one, the reference program's own test vector."""
    key = Argon(memory_kib=64 * 1024, iterations=2, lanes=1)
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    plain = Argon2id(salt=b"somesalt", length=32, iterations=2, lanes=1, memory_cost=65536).derive(
        b"password"
    )
    assert plain.hex() == "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"
    assert key.derive(Secret("password"), salt=b"somesalt", person_id=1) != plain  # bound to the person


def test_a_box_is_never_the_same_twice():
    key = new_key()
    assert seal(key, b"x", "c") != seal(key, b"x", "c")


def test_only_the_same_key_and_context_open_a_box():
    key, box = new_key(), b""
    box = seal(key, b"content", "here")
    assert unseal(key, box, "here") == b"content"
    for other_key, other_box, context in (
        (new_key(), box, "here"),
        (key, box, "there"),
        (key, box[:-1], "here"),
        (key, box[:-1] + bytes([box[-1] ^ 1]), "here"),
        (key, bytes([box[0] ^ 1]) + box[1:], "here"),
        (key, b"", "here"),
        (key, b"\0" * 28, "here"),
    ):
        with pytest.raises(VaultDamaged):
            unseal(other_key, other_box, context)


def test_a_key_shows_itself_to_nobody_and_is_wiped():
    key = new_key()
    text = bytes(key)
    for shown in (repr(key), str(key), f"{key}", repr([key]), repr({"k": key})):
        assert shown.count("Key(***)") == 1
    for copier in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            copier(key)
    with key as opened:
        assert opened == text
    assert key == bytes(32)


def test_the_servers_key_depends_on_master_and_person():
    one, two = (Secret(base64.b64encode(os.urandom(32)).decode()) for _ in range(2))
    keys = [server_key(one, person_id=1), server_key(one, person_id=2), server_key(two, person_id=1)]
    assert len({bytes(key) for key in keys}) == 3
    assert isinstance(keys[0], Key)


def test_a_suggested_password_is_good_and_never_the_same():
    suggested = {suggest_password().reveal() for _ in range(50)}
    assert len(suggested) == 50
    for text in suggested:
        check_password(Secret(text))
        assert len(text.split("-")) == 5
