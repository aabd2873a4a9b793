"""The schema, step by step. A step that has been released is never edited: the next one follows it.

Money is TEXT (plain decimals), time INTEGER (ms UTC); STRICT tables refuse anything else.
"""

from collections.abc import Mapping

from bot.errors import StoreError
from storage.lean import Migrations, Rows

_PEOPLE = """
CREATE TABLE people (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id INTEGER NOT NULL UNIQUE,
    name TEXT NOT NULL,
    locale TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('owner', 'user')),
    created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE claim_codes (
    code_hash TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;
CREATE TABLE drafts (
    person_id INTEGER PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
    cursor TEXT NOT NULL,
    answers TEXT NOT NULL,
    message_id INTEGER,
    at INTEGER NOT NULL
) STRICT;
CREATE TABLE marks (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
"""

# AUTOINCREMENT: a strategy's number stands in its order ids, so it must never come back.
_STRATEGIES = """
CREATE TABLE strategies (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER NOT NULL REFERENCES people (id),
    name TEXT NOT NULL,
    environment TEXT NOT NULL,
    symbol TEXT NOT NULL,
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    params TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('idle', 'running', 'paused')),
    pause_reason TEXT,
    created_at INTEGER NOT NULL,
    UNIQUE (person_id, name)
) STRICT;
CREATE INDEX strategies_by_status ON strategies (status);
CREATE TABLE states (
    strategy_id INTEGER PRIMARY KEY REFERENCES strategies (id),
    sequence INTEGER NOT NULL CHECK (sequence > 0),
    state TEXT NOT NULL
) STRICT;
CREATE TABLE journal (
    strategy_id INTEGER NOT NULL REFERENCES strategies (id),
    sequence INTEGER NOT NULL CHECK (sequence > 0),
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (strategy_id, sequence)
) STRICT, WITHOUT ROWID;
CREATE TABLE orders (
    order_id TEXT PRIMARY KEY,
    strategy_id INTEGER NOT NULL REFERENCES strategies (id),
    leg TEXT NOT NULL,
    k INTEGER NOT NULL,
    cycle INTEGER NOT NULL,
    price TEXT,
    quantity TEXT,
    amount TEXT,
    status TEXT NOT NULL CHECK (status IN ('open', 'closed')),
    placed_at INTEGER NOT NULL,
    closed_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_by_strategy ON orders (strategy_id, status);
CREATE TABLE cycles (
    strategy_id INTEGER NOT NULL REFERENCES strategies (id),
    sequence INTEGER NOT NULL,
    cycle INTEGER NOT NULL,
    at INTEGER NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (strategy_id, sequence)
) STRICT, WITHOUT ROWID;
"""

# The order id is part of a fill's identity: a trade between two people of this house carries one trade id for
# both sides (Binance numbers trades per symbol), and each side must be booked.
_FILLS = """
CREATE TABLE fills (
    id INTEGER PRIMARY KEY,
    strategy_id INTEGER NOT NULL REFERENCES strategies (id),
    environment TEXT NOT NULL,
    symbol TEXT NOT NULL,
    exec_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    leg TEXT NOT NULL,
    k INTEGER NOT NULL,
    cycle INTEGER NOT NULL,
    side TEXT NOT NULL CHECK (side IN ('buy', 'sell')),
    price TEXT NOT NULL,
    quantity TEXT NOT NULL,
    value TEXT NOT NULL,
    fee TEXT NOT NULL,
    fee_coin TEXT NOT NULL,
    fee_value TEXT NOT NULL,
    at INTEGER NOT NULL,
    maker INTEGER NOT NULL CHECK (maker IN (0, 1)),
    UNIQUE (environment, symbol, exec_id, order_id)
) STRICT;
CREATE INDEX fills_by_strategy ON fills (strategy_id, at);
"""

_MESSAGES = """
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER NOT NULL REFERENCES people (id),
    strategy_id INTEGER REFERENCES strategies (id),
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    key TEXT NOT NULL,
    at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER NOT NULL,
    sent_at INTEGER,
    dropped_at INTEGER,
    UNIQUE (person_id, key)
) STRICT;
CREATE INDEX outbox_waiting ON outbox (person_id, id) WHERE sent_at IS NULL AND dropped_at IS NULL;
CREATE TABLE inbox (
    update_id INTEGER PRIMARY KEY,
    chat_id INTEGER,
    payload TEXT,
    received_at INTEGER NOT NULL,
    done_at INTEGER
) STRICT;
CREATE INDEX inbox_waiting ON inbox (update_id) WHERE done_at IS NULL;
CREATE TABLE conversations (
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (name, key)
) STRICT, WITHOUT ROWID;
"""

# Secrets hang on the person, not on the vault: forgetting deletes the vault's wraps first, in a step of its own.
_VAULT = """
CREATE TABLE vaults (
    person_id INTEGER PRIMARY KEY REFERENCES people (id),
    dek_version INTEGER NOT NULL,
    salt BLOB NOT NULL,
    memory_kib INTEGER NOT NULL,
    iterations INTEGER NOT NULL,
    lanes INTEGER NOT NULL,
    wrap_pw BLOB NOT NULL,
    kid TEXT,
    wrap_srv BLOB,
    failures INTEGER NOT NULL DEFAULT 0,
    wait_until INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    CHECK ((kid IS NULL) = (wrap_srv IS NULL))
) STRICT;
CREATE TABLE secrets (
    person_id INTEGER NOT NULL REFERENCES people (id),
    environment TEXT NOT NULL,
    field TEXT NOT NULL CHECK (field IN ('key', 'secret')),
    dek_version INTEGER NOT NULL,
    box BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (person_id, environment, field)
) STRICT, WITHOUT ROWID;
"""

# What each person wants to be told and how; the living card of a strategy lies here so that a restart finds it.
_ALERTS = """
CREATE TABLE alert_choices (
    person_id INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    choice TEXT NOT NULL CHECK (choice IN ('on', 'silent', 'off')),
    PRIMARY KEY (person_id, kind)
) STRICT, WITHOUT ROWID;
CREATE TABLE tastes (
    person_id INTEGER PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
    zone TEXT,
    digest_hour INTEGER CHECK (digest_hour BETWEEN 0 AND 23),
    digest_day TEXT,
    dark INTEGER NOT NULL DEFAULT 0 CHECK (dark IN (0, 1))
) STRICT;
CREATE TABLE live_cards (
    strategy_id INTEGER PRIMARY KEY REFERENCES strategies (id) ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    message_id INTEGER NOT NULL,
    pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_by_person ON outbox (person_id, id);
"""

# Parameters chosen while the journal counts on others: the runner takes them over when a cycle begins. A deleted
# strategy that has traded stays for the ledger's sake, under a name that is free again.
_EDITED = """
ALTER TABLE strategies ADD COLUMN pending_params TEXT;
ALTER TABLE strategies ADD COLUMN deleted_at INTEGER;
"""

# A removed person's row stays: strategies, fills and the audit log refer to it, and an invite brings them back.
_ACCESS = """
ALTER TABLE people ADD COLUMN removed_at INTEGER;
CREATE TABLE invites (
    code_hash TEXT PRIMARY KEY,
    made_by INTEGER NOT NULL REFERENCES people (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    used_by INTEGER REFERENCES people (id)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    person_id INTEGER NOT NULL REFERENCES people (id),
    deed TEXT NOT NULL,
    about TEXT NOT NULL
) STRICT;
CREATE TABLE stop_wishes (
    strategy_id INTEGER PRIMARY KEY REFERENCES strategies (id),
    mode TEXT NOT NULL CHECK (mode IN ('after_cycle', 'keep_coins', 'sell_now')),
    at INTEGER NOT NULL
) STRICT;
"""

# One row a person: the message that promises a backtest, and the button that asks for it again. A new process finds
# here whom it has to tell that the run was cut.
_BACKTESTS = """
CREATE TABLE backtest_runs (
    person_id INTEGER PRIMARY KEY REFERENCES people (id),
    message_id INTEGER NOT NULL,
    again TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
"""

STEPS = {
    "0001_people": _PEOPLE,
    "0002_strategies": _STRATEGIES,
    "0003_fills": _FILLS,
    "0004_messages": _MESSAGES,
    "0005_vault": _VAULT,
    "0006_alerts": _ALERTS,
    "0007_edited": _EDITED,
    "0008_access": _ACCESS,
    "0009_backtests": _BACKTESTS,
}


def migrate(rows: Rows, steps: Mapping[str, str] = STEPS) -> None:
    """Apply what is missing, each step in a transaction of its own. StoreError for a newer version's file."""
    migrations = Migrations("trader-automata")
    for name, script in steps.items():
        _register(migrations, name, script)
    unknown = {step.name for step in migrations.applied(rows)} - steps.keys()
    if unknown:
        raise StoreError(f"a newer version of this program wrote this database: {', '.join(sorted(unknown))}")
    migrations.apply(rows)


def _register(migrations: Migrations, name: str, script: str) -> None:
    @migrations(name=name)
    def step(rows: Rows) -> None:
        rows.executescript(script)
