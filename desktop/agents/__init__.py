"""Agents on screen: the panel of cards, the editor, MCP servers."""
