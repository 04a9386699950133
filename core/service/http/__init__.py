"""The HTTP service: workflows, runs, agents and conversations for other programs."""
