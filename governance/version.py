"""The version of the product, as reports and the API name it."""

from __future__ import annotations

PRODUCT_VERSION = "0.1.0"
