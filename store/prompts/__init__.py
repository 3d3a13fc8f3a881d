"""Versions of prompt templates, their labels, experiments and pauses, and what became of what they asked for."""

from store.statements import Statements

sql = Statements(__name__)
