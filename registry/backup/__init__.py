"""Copies of the whole record: how they look, how they are made, and how one is put back."""
