"""Counting rows where they are: one question, asked of DuckDB, PostgreSQL or Spark, answered with aggregates only."""

from __future__ import annotations
