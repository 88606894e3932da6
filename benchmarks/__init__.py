"""Our speed beside that of our peers. Each module has `main(arguments)` and prints a table."""

from __future__ import annotations
