"""SQLite storage, the vault, the inbox and the outbox."""
