"""Dated figures and tables: every limit with its value, its source and the day it was verified."""
