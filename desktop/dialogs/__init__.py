"""The dialogs: agent editor, settings, import, first run."""
