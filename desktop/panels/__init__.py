"""The panels around the canvas: palette, inspector, run timeline, variables, history, chat."""
