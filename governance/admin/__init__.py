"""Everything that is decided, to read in the admin. People decide on the pages, never here."""

from governance.admin import access, assurance, decisions, emergencies, incidents, policies, promotions, reviews

__all__ = ["access", "assurance", "decisions", "emergencies", "incidents", "policies", "promotions", "reviews"]
