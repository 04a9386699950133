"""Agents: their functions, the loop that calls them, what they keep in view, and conversations."""
