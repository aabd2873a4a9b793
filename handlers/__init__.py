"""The chat: translates between people and the service."""

import os

# PTB is moving its durations to timedelta, and warns whoever has not chosen
os.environ.setdefault("PTB_TIMEDELTA", "true")
