"""Trader Automata: a Telegram-controlled ladder-trading bot for spot crypto."""
