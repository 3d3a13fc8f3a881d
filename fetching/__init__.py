"""Reads the public web safely. Buys nothing and knows no provider."""
