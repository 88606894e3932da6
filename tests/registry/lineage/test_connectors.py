"""What DVC, GTO, Git and Croissant know, taken into the same graph."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from registry import closures, graph, provenance
from registry.connectors import croissant, dvc, git
from registry.connectors.statements import LineageRefusedError
from registry.lineage_events import raw_event, rebuild, receive
from registry.models import LineageEvent, LineageNode, Person
from tests.people import World, csv_bytes, fair_rows
from tests.registry.lineage.events import SAMPLES

pytestmark = pytest.mark.django_db
REPOSITORY = "https://git.example.com/credit"


def take(actor: Person, form: str, event: Any) -> None:
    receive(actor=actor, events=[raw_event(form, json.dumps(event))])


def names_above(name: str) -> set[str]:
    return set(closures.ancestors(LineageNode.objects.get(name=name)).values_list("name", flat=True))


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The captured repository, with the two files that belong to its manifests."""
    folder = SAMPLES / "dvc" / "sample"
    if not folder.is_dir():
        pytest.skip("the captured repository is not at hand")
    return Path(shutil.copytree(folder, tmp_path / "credit"))


def test_a_dvc_repository_is_followed_from_the_model_to_the_raw_data(sample: Path, maya: Person) -> None:
    event = dvc.collect(sample, repository=REPOSITORY, revision="c" * 40)
    take(maya, "dvc", event)
    model = f"dataset:{REPOSITORY}|model.pkl|md5:2ce16f1f7f4756e10a841f955a6dc0d4"
    above = names_above(model)
    assert f"dataset:{REPOSITORY}|data/raw/train.csv|md5:5afc23b9622f8f9ffa60824f4e97d0d5" in above
    assert not any("prepare.py" in name for name in above), "a script is code, not data"
    run = LineageNode.objects.get(kind="run", facts__job__1=f"job:{REPOSITORY}|train")
    assert graph.plain_facts(run)["code"] == {"train.py": "f8d6b81742c28b915a0cddb4bccf50ac"}
    whole = f"dataset:{REPOSITORY}|images|md5:4efa642af4614ad797c6cac959e5182a.dir"
    assert f"dataset:{REPOSITORY}|images/1.txt|md5:c4ca4238a0b923820dcc509a6f75849b" in names_above(whole)


def test_gto_s_tags_lead_from_a_released_artifact_to_the_file_of_its_commit(sample: Path, maya: Person) -> None:
    take(maya, "dvc", dvc.collect(sample, repository=REPOSITORY, revision="c" * 40))
    for at, tag in (("10", "credit-risk@v1.0.0"), ("11", "credit-risk#prod#2"), ("12", "credit-risk#prod!#3")):
        tagged = {"repository": REPOSITORY, "commit": "c" * 40, "at": f"2026-11-20T{at}:00:00+00:00", "tag": tag}
        take(maya, "git", tagged)
    take(maya, "git", {"repository": REPOSITORY, "commit": "c" * 40, "at": "2026-11-20T09:00:00+00:00", "subject": "x"})
    above = names_above(f"dataset:{REPOSITORY}|credit-risk|v1.0.0")
    assert f"dataset:{REPOSITORY}|model.pkl|md5:2ce16f1f7f4756e10a841f955a6dc0d4" in above
    assert "commit:" + "c" * 40 in above
    at_commit = LineageNode.objects.get(name=f"dataset:{REPOSITORY}|credit-risk|git:{'c' * 40}")
    assert "stage prod" not in graph.plain_facts(at_commit), "the stage was left again"
    told = graph.document()
    rebuild()
    assert graph.document() == told


def test_a_file_of_the_workspace_meets_the_registered_version(world: World, maya: Person, tmp_path: Path) -> None:
    content = csv_bytes(fair_rows())
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    (tmp_path / "patients.csv").write_bytes(content)
    (tmp_path / "patients.csv.dvc").write_text(f"outs:\n- md5: {md5}\n  path: patients.csv\n")
    lock = {"stages": {"pull": {"cmd": "pull", "deps": [{"path": "register.db", "md5": "0" * 32}]}}}
    lock["stages"]["pull"]["outs"] = [{"path": "patients.csv", "md5": md5}]
    (tmp_path / "dvc.lock").write_text(json.dumps(lock))
    call_command("import_lineage", "--from", "dvc", "--as", "maya", "--repository", REPOSITORY, tmp_path)
    drawn = provenance.lineage_of(world.version())
    assert f"dataset:{REPOSITORY}|register.db|md5:{'0' * 32}" in drawn.upstream(drawn.root)

    (tmp_path / "patients.csv").write_bytes(content + b"\n")
    with pytest.raises(CommandError, match=r"patients\.csv: .*MD5"):
        call_command("import_lineage", "--from", "dvc", "--as", "maya", "--repository", REPOSITORY, tmp_path)
    assert LineageEvent.objects.count() == 1


def test_commits_and_tags_of_a_real_repository(maya: Person, tmp_path: Path, capsys: Any) -> None:
    def run(*words: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, capture_output=True)

    run("init", "-q")
    run("-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "-q", "--allow-empty", "-m", "train it")
    run("-c", "user.name=T", "-c", "user.email=t@example.com", "tag", "-a", "risk@v1", "-m", "release")
    for expected in ("2 events are new, 0", "0 events are new, 2"):
        call_command("import_lineage", "--from", "git", "--as", "maya", "--repository", REPOSITORY, tmp_path)
        assert expected in capsys.readouterr().out
    assert "t@example.com" not in "".join(LineageEvent.objects.values_list("content", flat=True))
    commit = LineageNode.objects.get(kind="commit")
    assert graph.plain_facts(commit)["subject"] == "train it"
    released = closures.ancestors(LineageNode.objects.get(name=f"dataset:{REPOSITORY}|risk|v1"))
    assert released.filter(name__endswith=f"git:{commit.name.removeprefix('commit:')}").exists()
    with pytest.raises(CommandError, match="Git cannot read"):
        call_command("import_lineage", "--from", "git", "--as", "maya", tmp_path / "nowhere")
    with pytest.raises(CommandError, match="Nobody"):
        call_command("import_lineage", "--from", "git", "--as", "nobody", tmp_path)


CARD = {
    "@context": {"@vocab": "https://schema.org/", "rai": "http://mlcommons.org/croissant/RAI/"},
    "@type": "sc:Dataset",
    "name": "patients",
    "url": "https://data.example.com/patients",
    "version": "1.0",
    "license": "https://creativecommons.org/licenses/by/4.0/",
    "rai:dataBiases": "Only one clinic.",
    "rai:personalSensitiveInformation": ["Health"],
    "distribution": [{"@type": "cr:FileObject", "@id": "patients.csv", "contentUrl": "https://data.example.com/p.csv"}],
    "recordSet": [{"field": [{"name": "age", "dataType": "sc:Integer"}]}],
}


def test_croissant_says_where_registered_data_was_collected(world: World, maya: Person) -> None:
    digest = world.evaluation.digest.removeprefix("sha256:")
    card = {**CARD, "distribution": [{**CARD["distribution"][0], "sha256": digest}]}  # type: ignore[index]
    take(maya, "croissant", card)
    drawn = provenance.lineage_of(world.version())
    facts = drawn.by_id["dataset:https://data.example.com/patients|patients|1.0"].facts
    assert facts["licence"] == "CC-BY-4.0"
    assert facts["rai dataBiases"] == "Only one clinic."
    assert facts["columns"] == [{"name": "age", "type": "Integer"}]


@pytest.mark.parametrize(
    ("form", "event", "field"),
    [
        ("dvc", {"repository": REPOSITORY, "files": {}}, "files"),
        ("dvc", {"files": {"a.dvc": "outs: []"}}, "repository"),
        ("dvc", {"repository": REPOSITORY, "files": {"a.dvc": "outs: ["}}, "files.a.dvc"),
        ("dvc", {"repository": REPOSITORY, "files": {"a.dvc": "[]"}}, "files.a.dvc"),
        ("dvc", {"repository": REPOSITORY, "files": {"a.dvc": 'outs: "\\0"'}}, "files.a.dvc"),
        ("dvc", {"repository": REPOSITORY, "files": {f"{'0' * 32}.dir": "[]"}}, f"files.{'0' * 32}.dir"),
        ("dvc", {"repository": REPOSITORY, "files": {"a.dvc": "outs: []"}, "held": {"a": "md5"}}, "held.a"),
        ("git", {"repository": REPOSITORY, "commit": "c" * 40, "at": "today"}, "at"),
        ("git", {"repository": REPOSITORY, "commit": "HEAD", "at": "2026-11-20T10:00:00Z"}, "commit"),
        ("croissant", {"@type": "sc:Person", "name": "x"}, "@type"),
        ("croissant", {"@type": "sc:Dataset"}, "name"),
        ("croissant", [], "body"),
        ("gopher", {}, "format"),
    ],
)
def test_what_is_no_such_document_is_refused_with_the_place(form: str, event: Any, field: str) -> None:
    with pytest.raises(LineageRefusedError) as refusal:
        raw_event(form, json.dumps(event))
    assert refusal.value.field == field


@pytest.mark.parametrize("reader", [dvc, git, croissant])
def test_every_reader_names_its_format_once(reader: Any) -> None:
    assert reader.__name__.rpartition(".")[2] == reader.FORMAT
