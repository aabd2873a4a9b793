"""The vault's rows: wraps, counted tries and sealed boxes. Nothing here can open anything."""

from dataclasses import dataclass
from typing import Any

from storage.database import Rows
from storage.vault_crypto import Argon

_FREE_TRIES = 5
_MINUTE_MS = 60_000
_LONGEST_WAIT = 60


@dataclass(frozen=True, slots=True)
class Wraps:
    """A person's data key as it is stored: under the password, and perhaps under the server's key `kid`."""

    person_id: int
    version: int
    salt: bytes
    argon: Argon
    wrap_pw: bytes
    kid: str | None = None
    wrap_srv: bytes | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """Whether a password may be tried; `wait_ms` is how long not, now or after this try has failed."""

    wraps: Wraps
    allowed: bool
    wait_ms: int


def wraps(db: Rows, person_id: int) -> Wraps | None:
    row = _row(db, person_id)
    return _wraps_from(row) if row else None


def create(db: Rows, made: Wraps, at: int) -> None:
    """Leftovers of a vault whose forgetting was cut short open for nobody: they go."""
    drop_secrets(db, made.person_id)
    row = {
        "person_id": made.person_id,
        "dek_version": made.version,
        "salt": made.salt,
        "memory_kib": made.argon.memory_kib,
        "iterations": made.argon.iterations,
        "lanes": made.argon.lanes,
        "wrap_pw": made.wrap_pw,
        "created_at": at,
    }
    db.table("vaults").insert(row)


def set_password_wrap(db: Rows, made: Wraps) -> None:
    query = """
        UPDATE vaults SET salt = ?, memory_kib = ?, iterations = ?, lanes = ?, wrap_pw = ?
        WHERE person_id = ? AND dek_version = ?
    """
    argon = made.argon
    values = [made.salt, argon.memory_kib, argon.iterations, argon.lanes, made.wrap_pw]
    db.execute(query, [*values, made.person_id, made.version])


def set_server_wrap(db: Rows, person_id: int, kid: str, wrap: bytes) -> None:
    db.execute("UPDATE vaults SET kid = ?, wrap_srv = ? WHERE person_id = ?", [kid, wrap, person_id])


def drop_server_wrap(db: Rows, person_id: int) -> None:
    db.execute("UPDATE vaults SET kid = NULL, wrap_srv = NULL WHERE person_id = ?", [person_id])


def begin_try(db: Rows, person_id: int, now: int) -> Attempt | None:
    """Count a try as failed before it is made; None without a vault. Five are free, then 1, 2, 4 .. 60 minutes."""
    row = _row(db, person_id)
    if row is None:
        return None
    if row["wait_until"] > now:
        return Attempt(_wraps_from(row), allowed=False, wait_ms=row["wait_until"] - now)
    failures = row["failures"] + 1
    wait_ms = _wait_minutes(failures) * _MINUTE_MS
    query = "UPDATE vaults SET failures = ?, wait_until = ? WHERE person_id = ?"
    db.execute(query, [failures, now + wait_ms, person_id])
    return Attempt(_wraps_from(row), allowed=True, wait_ms=wait_ms)


def forgive(db: Rows, person_id: int) -> None:
    """The password was right: the count starts anew."""
    db.execute("UPDATE vaults SET failures = 0, wait_until = 0 WHERE person_id = ?", [person_id])


def put(
    db: Rows, person_id: int, environment: str, sealed: dict[str, bytes], *, version: int, at: int
) -> None:
    """Both halves of a pair."""
    query = """
        INSERT OR REPLACE INTO secrets (person_id, environment, field, dek_version, box, at)
        VALUES (?, ?, ?, ?, ?, ?)
    """
    for field, box in sealed.items():
        db.execute(query, [person_id, environment, field, version, box, at])


def boxes(db: Rows, person_id: int, environment: str) -> dict[str, tuple[int, bytes]]:
    """By field: the data key's version and the box."""
    query = "SELECT field, dek_version, box FROM secrets WHERE person_id = ? AND environment = ?"
    found = db.execute(query, [person_id, environment]).fetchall()
    return {field: (version, box) for field, version, box in found}


def environments(db: Rows, person_id: int) -> list[str]:
    query = """
        SELECT DISTINCT environment FROM secrets JOIN vaults USING (person_id)
        WHERE person_id = ? ORDER BY environment
    """
    return [row[0] for row in db.execute(query, [person_id]).fetchall()]


def remove(db: Rows, person_id: int, environment: str) -> bool:
    query = "DELETE FROM secrets WHERE person_id = ? AND environment = ?"
    return db.execute(query, [person_id, environment]).rowcount > 0


def drop_wraps(db: Rows, person_id: int) -> None:
    db.execute("DELETE FROM vaults WHERE person_id = ?", [person_id])


def drop_secrets(db: Rows, person_id: int) -> None:
    db.execute("DELETE FROM secrets WHERE person_id = ?", [person_id])


def _row(db: Rows, person_id: int) -> dict[str, Any] | None:
    return next(iter(list(db.query("SELECT * FROM vaults WHERE person_id = ?", [person_id]))), None)


def _wraps_from(row: dict[str, Any]) -> Wraps:
    return Wraps(
        person_id=row["person_id"],
        version=row["dek_version"],
        salt=row["salt"],
        argon=Argon(row["memory_kib"], row["iterations"], row["lanes"]),
        wrap_pw=row["wrap_pw"],
        kid=row["kid"],
        wrap_srv=row["wrap_srv"],
    )


def _wait_minutes(failures: int) -> int:
    if failures < _FREE_TRIES:
        return 0
    return min(_LONGEST_WAIT, 1 << min(failures - _FREE_TRIES, 10))
