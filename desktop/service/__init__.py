"""The background service as the window shows it: how it stands, starting and stopping it, the icon in the tray."""
