from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from django.db import models

from registry import rows
from registry.errors import ImmutableError
from registry.signals import change_refused

M = TypeVar("M", bound=models.Model)


def refused(model: type[models.Model], verb: str, words: str, key: object = None) -> ImmutableError:
    """The error to raise; the ledger will tell that it was tried (`registry.refused`)."""
    change_refused.send(model, verb=verb, key=key)
    return ImmutableError(words)


class RecordQuerySet(models.QuerySet[M]):
    """Rows that are added and read, never changed. The database triggers refuse what goes around this class."""

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        """As Django's; the next entry of the ledger tells of these rows as of any other."""
        made = super().bulk_create(objs, *args, **kwargs)
        for row in made:
            rows.note_new(row)
        return made

    def update(self, **_values: Any) -> int:
        """Refuse: a record is never changed."""
        raise refused(
            self.model, "update", f"{self.model._meta.verbose_name_raw} rows are never changed; add a new one."
        )

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refuse: a record is never deleted."""
        raise refused(self.model, "delete", f"{self.model._meta.verbose_name_raw} rows are never deleted.")


class Record(models.Model):
    """Base of the append-only tables. `registry.immutability` installs the matching database triggers."""

    objects = RecordQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert once. Raises ImmutableError for a row that exists."""
        if not self._state.adding:
            words = f"{self._meta.verbose_name_raw} {self.pk} is part of the record and cannot be changed."
            raise refused(type(self), "save", words, self.pk)
        kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse: a record is never deleted."""
        words = f"{self._meta.verbose_name_raw} {self.pk} is part of the record and cannot be deleted."
        raise refused(type(self), "delete", words, self.pk)
