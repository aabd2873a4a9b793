"""Offline stand-ins that speak the real protocols: an exchange (Bybit V5) and the Telegram Bot API.

Loopback only. What a stand-in does not implement answers with a loud error, never with a guess.
"""
