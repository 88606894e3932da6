"""A record changed behind the service's back closes the gate that rests on it, long before anybody reads the ledger."""

from __future__ import annotations

import json

import pytest

from governance import decisions
from governance.models import PolicyVersion, PromotionRequest
from governance.policies import PolicyAlteredError
from tests import intruder


def loosen(version: PolicyVersion) -> None:
    """Each gate of the stored policy loses a criterion, and the digest stays."""
    document = json.loads(json.dumps(version.document))
    for gate in document["gates"]:
        gate["criteria"] = gate["criteria"][1:]
    intruder.run("UPDATE governance_policyversion SET document = %s WHERE id = %s", json.dumps(document), version.pk)


def test_the_gate_of_an_altered_policy_is_closed(approved: PromotionRequest) -> None:
    assert decisions.ask_gate(version=approved.version, stage=approved.to_stage).is_open
    loosen(approved.policy_version)
    answer = decisions.ask_gate(version=approved.version, stage=approved.to_stage)
    assert not answer.is_open
    assert [reason["code"] for reason in answer.blocking] == ["policy-altered"]


def test_an_altered_policy_is_not_read(approved: PromotionRequest) -> None:
    loosen(approved.policy_version)
    stored = PolicyVersion.objects.get(pk=approved.policy_version_id)
    with pytest.raises(PolicyAlteredError, match="not the one that was put into force"):
        _ = stored.rules
