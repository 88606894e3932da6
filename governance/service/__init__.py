"""The running service: its settings are checked, its start is refused, its health is told."""
