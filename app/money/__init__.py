"""Use cases of money: what a month will cost, what was spent, and what may be."""
