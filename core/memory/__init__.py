"""What an agent remembers: kinds of memory, extraction from a conversation, ranking, recall."""
