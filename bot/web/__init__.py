"""Our own small web part: the one-time page for secrets, and /health."""
