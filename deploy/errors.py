"""What set-up cannot mend by itself."""

from __future__ import annotations


class SetUpError(Exception):
    """Something is missing on this machine; `remedy` is the exact line that mends it."""

    def __init__(self, sentence: str, *, remedy: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.sentence}\nRun this, then try again:\n\n    {self.remedy}\n"
