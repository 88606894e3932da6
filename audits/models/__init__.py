"""What was measured and judged."""

from audits.models.reports import Report
from audits.models.runs import AuditRun, Finding, Observation

__all__ = ["AuditRun", "Finding", "Observation", "Report"]
