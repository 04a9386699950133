"""The document: what a workflow is, before anything runs it. Pure data; no I/O but files."""
