"""Policies, requests, reviews, decisions and tokens in the admin. People decide on the pages, never here."""

from governance.admin import access, decisions, policies, promotions, reviews

__all__ = ["access", "decisions", "policies", "promotions", "reviews"]
