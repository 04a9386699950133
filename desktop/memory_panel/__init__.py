"""What agents remember, on screen: listed, searched as an agent would, corrected, looked over."""
