from tests.governance.pages.conftest import signed_in

__all__ = ["signed_in"]
