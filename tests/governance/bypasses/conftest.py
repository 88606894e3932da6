from __future__ import annotations

import pytest

from governance.models.access import Role
from governance.policy_versions import activate_policy, draft_policy
from governance.promotions import request_promotion
from registry.models import Person
from tests.governance.bypasses.scene import STRICT, Scene
from tests.people import PASSWORD, World, person


@pytest.fixture
def scene(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    world: World,
    carla: Person,
    rosa: Person,
    mel: Person,
) -> Scene:
    rules = draft_policy(actor=carla, source=STRICT)
    activate_policy(actor=rosa, policy_version=rules, password=PASSWORD, reason="agreed")
    tom = person("tom", Role.MODEL_VALIDATOR, full_name="Tom Trainer")
    author = World(world.model, world.evaluation, mel)
    version = author.version(run_author=tom)
    asked = request_promotion(
        actor=request.getfixturevalue("maya"), version=version, to_stage="staging", reason="It is ready."
    )
    return Scene(request, monkeypatch, version, asked)
