"""Every screen of the window, brought to where it can be looked at."""
