"""The records in the admin: to be searched and read. What may be changed there is people, groups and nothing else."""

from registry.admin import datasets, ledger, model_versions, people, stages, work

__all__ = ["datasets", "ledger", "model_versions", "people", "stages", "work"]
