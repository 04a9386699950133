"""Models behind OpenRouter or any OpenAI-compatible server, and the demonstration model that needs neither."""
