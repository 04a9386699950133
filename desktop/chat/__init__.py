"""Talking with agents and workflows in the window."""
