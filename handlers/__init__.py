"""The chat: translates between people and the service."""
