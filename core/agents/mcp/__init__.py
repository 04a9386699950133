"""MCP: tools of other programs, started or reached by their usual configuration. `servers.py` is the way in."""
