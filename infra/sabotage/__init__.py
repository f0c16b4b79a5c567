"""Breakages of the fences, on throw-away copies: what the tests do not notice, nobody proves."""
