"""The records in the admin: to be searched and read. What may be changed there is people, groups and nothing else."""

from registry.admin import cards, datasets, ledger, model_versions, people, stages, work

__all__ = ["cards", "datasets", "ledger", "model_versions", "people", "stages", "work"]
