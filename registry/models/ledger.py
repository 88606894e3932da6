from __future__ import annotations

from django.db import models

from registry.models.entry_fields import ActorInBody, TimeInBody
from registry.models.immutable import Record


class LedgerHead(models.Model):
    """The one mutable row of the ledger: its size. Locking it puts writers in a line."""

    size = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name = "ledger head"
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="one_ledger_head"),)

    def __str__(self) -> str:
        return f"ledger of {self.size} entries"


class LedgerEntry(Record):
    """One event: the exact canonical bytes and their leaf hash. Holds no foreign key, so no cascade can reach it."""

    index = models.PositiveBigIntegerField(primary_key=True)
    body = models.BinaryField()
    leaf_hash = models.BinaryField(max_length=32)
    # Copies of two fields of the body, for searching only; verification compares them with the body.
    event = models.CharField(max_length=60, db_index=True)
    subject = models.CharField(max_length=200, db_index=True)

    class Meta:
        verbose_name = "ledger entry"
        verbose_name_plural = "ledger entries"
        ordering = ("index",)
        indexes = (
            models.Index(ActorInBody("body"), name="ledger_entry_actor"),
            models.Index(TimeInBody("body"), name="ledger_entry_time"),
        )

    def __str__(self) -> str:
        return f"#{self.index} {self.event}"


class LedgerNode(Record):
    """A completed inner node of the Merkle tree (level 0 are the leaves), so that a proof reads O(log n) rows."""

    level = models.PositiveSmallIntegerField()
    position = models.PositiveBigIntegerField()
    hash = models.BinaryField(max_length=32)

    class Meta:
        verbose_name = "ledger node"
        constraints = (models.UniqueConstraint(fields=("level", "position"), name="ledger_node_once"),)

    def __str__(self) -> str:
        return f"node {self.level}/{self.position}"


class Checkpoint(Record):
    """A signed head of the ledger (C2SP tlog-checkpoint): origin, size, root, signature line."""

    size = models.PositiveBigIntegerField()
    note = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("-size", "-id")

    def __str__(self) -> str:
        return f"checkpoint at {self.size}"


class ErasableText(models.Model):
    """Personal or free text that the ledger names only by `commitment` = SHA-256(salt ‖ text).

    Erasing empties text and salt together: every proof still verifies, and nobody can guess the text back.
    """

    commitment = models.CharField(max_length=71, primary_key=True)
    salt = models.BinaryField(max_length=32, null=True)
    text = models.TextField(null=True)  # noqa: DJ001  (null means erased, "" is an empty text)

    class Meta:
        verbose_name = "erasable text"

    def __str__(self) -> str:
        return self.commitment
