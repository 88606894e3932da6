"""Pure statistics: counts and arrays in, numbers with intervals out. No database, no files, no Django.

Each function names the source of its formula. NumPy and SciPy are imported at module level, so only workers and tests
import this package's modules.
"""

from __future__ import annotations
