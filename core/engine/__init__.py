"""What a graph means: scheduling, values, retries, the journal's protocol. No SQL, no HTTP, no Qt."""
