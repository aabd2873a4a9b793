"""SQLite behind the ports: the book of strategies, the inbox, the outbox and the vault (docs/adr/0003)."""
