"""What a pointer does on the canvas: one class per gesture, exactly one at work at a time."""
