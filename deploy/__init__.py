"""Sets up a machine and runs the service on it. Standard library only: it runs before anything is installed."""
