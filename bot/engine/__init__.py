"""Runs strategies: receives facts, decides through the domain, saves, executes."""
