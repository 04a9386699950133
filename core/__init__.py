"""Steploom without a window: workflows, the engine that runs them, and what a script needs for both."""
