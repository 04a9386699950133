"""What runs without a window: the HTTP API, schedules, workers on the queue, the metrics endpoint."""
