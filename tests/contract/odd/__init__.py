"""Tokens with ways of their own, against everything that can be done with them."""
