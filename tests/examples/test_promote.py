"""The example for a model of one's own, against a service that listens, with checks that really run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_django.live_server_helper import LiveServer

import assay_gate
from examples import promote, train
from governance.access.tokens import Scope, issue_token
from governance.models import PromotionRequest
from governance.policy_versions import LIBRARY, activate_policy, draft_policy
from registry import work
from registry.models import DatasetVersion, LedgerEntry, ModelVersion, Person
from tests.people import PASSWORD

PIPELINES = {"github-actions.yml", "gitlab-ci.yml"}
EXAMPLES = Path(promote.__file__).parent

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    train.main(folder)
    return folder


@pytest.fixture
def call(
    live_server: LiveServer,
    files: Path,
    maya: Person,
    carla: Person,
    rosa: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> list[str]:
    """The arguments of docs/first-model.md, at a service with the minimal policy in force."""
    draft = draft_policy(actor=carla, source=(LIBRARY / "minimal.yaml").read_text(encoding="utf-8"))
    activate_policy(actor=rosa, policy_version=draft, password=PASSWORD, reason="Ours.")
    scopes = [Scope.REGISTRY_WRITE, Scope.PROMOTION_REQUEST, Scope.GATE_READ]
    monkeypatch.setenv("ASSAY_TOKEN", issue_token(actor=maya, owner=maya, label="example", scopes=scopes).secret)
    # While the script waits, the worker works.
    monkeypatch.setattr(promote, "pause", work.perform_all)
    named = {"artifact": "model.skops", "train": "train.csv", "evaluation": "evaluation.csv"}
    return [
        *("--url", live_server.url, "--model", "tumour-triage", "--risk", "minimal", "--stage", "production"),
        *(word for option, name in named.items() for word in (f"--{option}", str(files / name))),
        *("--target", "malignant", "--positive", "1"),
    ]


@pytest.mark.slow
def test_a_model_with_sourced_data_comes_before_its_reviewers_and_only_once(
    call: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    sourced = [*call, "--source", "UCI", "--licence", "CC-BY-4.0"]
    assert promote.main(sourced) == promote.IN_REVIEW
    told = capsys.readouterr().out
    assert "still missing: model_validator" in told
    assert "not-satisfied" not in told
    assert promote.main(sourced) == promote.IN_REVIEW, "a call that broke off can be repeated"
    assert PromotionRequest.objects.count() == ModelVersion.objects.count() == 1
    assert DatasetVersion.objects.count() == 2


@pytest.mark.slow
def test_data_without_a_source_is_held_back_with_the_reason(
    call: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert promote.main(call) == promote.HELD_BACK
    assert "not-satisfied  Paths without declared source is 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"--risk": "high"}, "No policy in force is for"),
        ({"--stage": "heaven"}, "(field to_stage)"),
        ({"--model": "Not A Slug"}, "(field slug)"),
        ({"--artifact": "/nowhere/model.skops"}, "could not ask"),
        ({"--url": "http://127.0.0.1:9"}, "could not ask"),
    ],
)
def test_what_cannot_be_asked_says_why(
    call: list[str], capsys: pytest.CaptureFixture[str], change: dict[str, str], reason: str
) -> None:
    changed = list(call)
    for option, value in change.items():
        changed[changed.index(option) + 1] = value
    assert promote.main(changed) == promote.NOT_ASKED
    assert reason in capsys.readouterr().err
    assert not PromotionRequest.objects.exists()


def test_a_token_nobody_knows_leaves_nothing(
    call: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_TOKEN", "assay_unknown")
    before = LedgerEntry.objects.exclude(event="action.refused").count()
    assert promote.main(call) == promote.NOT_ASKED
    assert "unknown, expired or revoked" in capsys.readouterr().err
    assert LedgerEntry.objects.exclude(event="action.refused").count() == before


def scripts(found: Any) -> list[str]:
    """Every shell script of a pipeline."""
    if isinstance(found, dict):
        own = found.get("run") or found.get("script") or []
        return [own] if isinstance(own, str) else [*own, *(s for value in found.values() for s in scripts(value))]
    return [script for value in found for script in scripts(value)] if isinstance(found, list) else []


def test_every_pipeline_asks_the_gate_with_options_that_exist() -> None:
    assert {path.name for path in EXAMPLES.glob("*.yml")} == PIPELINES
    for name in PIPELINES:
        document = yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))
        everything = [s for value in document.values() for s in scripts(value)]
        [asking] = {script for script in everything if "assay_gate.py" in script}
        words = shlex.split(re.sub(r"\$\w+", "3", asking.replace("\\\n", " ")))
        options = assay_gate.parse_arguments(words[words.index("assay_gate.py") + 1 :])
        assert (options.stage, options.wait) == ("production", 60)
