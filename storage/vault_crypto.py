"""The vault's cryptography: keys that can be wiped, boxes that authenticate, and what a password must be.

AES-256-GCM with a random nonce; Argon2id (RFC 9106, second recommended option); HKDF-SHA256 for the server's wrap.
"""

import base64
import os
import secrets
import unicodedata
from dataclasses import dataclass
from typing import NoReturn, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.errors import InvalidInput, VaultDamaged
from bot.ports.vault import Secret

KEY_BYTES = 32
SALT_BYTES = 16
_NONCE_BYTES = 12
_TAG_BYTES = 16
_SHORTEST = 12
_FEWEST_DIFFERENT = 5


class Key(bytearray):
    """A key in memory: shown by nothing, wiped when it is no longer needed (bytes and str could not be)."""

    def __repr__(self) -> str:
        return "Key(***)"

    __str__ = __repr__

    def __reduce_ex__(self, _: object) -> NoReturn:
        raise TypeError("a key is not pickled")

    def wipe(self) -> None:
        self[:] = bytes(len(self))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wipe()


@dataclass(frozen=True, slots=True)
class Argon:
    """What a guess costs: 64 MiB and three passes take about 0.1 s here. Stored beside what it protects."""

    memory_kib: int = 64 * 1024
    iterations: int = 3
    lanes: int = 4

    def derive(self, password: Secret, *, salt: bytes, person_id: int) -> Key:
        """The key that a person's password gives. Slow by design: never on the event loop."""
        key = Key(KEY_BYTES)
        kdf = Argon2id(
            salt=salt,
            length=KEY_BYTES,
            iterations=self.iterations,
            lanes=self.lanes,
            memory_cost=self.memory_kib,
            ad=str(person_id).encode(),
        )
        with Key(_normal(password).encode()) as typed:
            kdf.derive_into(typed, key)  # type: ignore[arg-type]  # any buffer will do
        return key


def new_key() -> Key:
    return Key(secrets.token_bytes(KEY_BYTES))


def seal(key: Key, content: bytes | bytearray, context: str) -> bytes:
    """Nonce and ciphertext; `context` is authenticated with it and must be the same when it is opened."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, context.encode())


def unseal(key: Key, box: bytes, context: str) -> Key:
    """The content; VaultDamaged for another key, another context or a changed byte."""
    content = Key(max(0, len(box) - _NONCE_BYTES - _TAG_BYTES))
    try:
        AESGCM(key).decrypt_into(box[:_NONCE_BYTES], box[_NONCE_BYTES:], context.encode(), content)
    except (InvalidTag, ValueError) as exc:
        raise VaultDamaged("a stored secret does not authenticate") from exc
    return content


def server_key(master: Secret, *, person_id: int) -> Key:
    """The key under which the server wraps one person's data key."""
    key = Key(KEY_BYTES)
    kdf = HKDF(hashes.SHA256(), KEY_BYTES, salt=str(person_id).encode(), info=b"trader-automata wrap_srv v1")
    with Key(base64.b64decode(master.reveal())) as secret:
        kdf.derive_into(secret, key)
    return key


def check_password(password: Secret) -> None:
    """InvalidInput("password") unless it is long and not one key held down."""
    text = _normal(password)
    if len(text) < _SHORTEST:
        raise InvalidInput("password", f"at least {_SHORTEST} characters", key="password_short")
    if len(set(text)) < _FEWEST_DIFFERENT:
        raise InvalidInput(
            "password", f"at least {_FEWEST_DIFFERENT} different characters", key="password_simple"
        )


def suggest_password() -> Secret:
    """Five made-up words that can be said aloud; each of ten syllables has 80 forms, 63 bits together."""
    words = (
        "".join(secrets.choice("bcdfghjklmnprstv") + secrets.choice("aeiou") for _ in range(2))
        for _ in range(5)
    )
    return Secret("-".join(words))


def _normal(password: Secret) -> str:
    """As every keyboard sends it: one form of each accent, and no blanks around (Telegram trims them)."""
    return unicodedata.normalize("NFC", password.reveal()).strip()
