"""The panel that tells in numbers what runs, steps, models and workers did."""
