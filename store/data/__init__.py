"""Dated data of the store: prices."""
