"""Remembering and recalling: what is kept, what replaces what, and what is found again."""
