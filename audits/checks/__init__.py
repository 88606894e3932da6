"""The checks, one module each, and the allow-list that finds them."""

from __future__ import annotations

from audits.checks.catalogue import CheckLoadError, dotted_path, load_check, load_checks

__all__ = ["CheckLoadError", "dotted_path", "load_check", "load_checks"]
