"""Adapters to real and sandbox exchanges, behind the Exchange port."""
