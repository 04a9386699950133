"""Metrics and traces of runs, fed by the engine's events."""
