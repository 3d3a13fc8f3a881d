"""Answers that are given again without being bought."""
