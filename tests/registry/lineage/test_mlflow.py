"""MLflow's registry, reconciled: captured answers over a socket, and a real server where one is installed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.core.management import call_command

from registry import closures, graph, mlflow_import
from registry.lineage_events import rebuild
from registry.models import LedgerEntry, LineageEvent, LineageNode, MlflowModel, Person
from registry.outbound import OutboundFailedError, OutboundRefusedError
from tests.registry.lineage.events import SAMPLES

pytestmark = pytest.mark.django_db
DATA = "dataset:https://archive.ics.uci.edu/dataset/17|breast-cancer-train|mlflow:2645ac27"


class Registry:
    """Answers of a captured server, over a real socket; its aliases can be moved."""

    def __init__(self) -> None:
        folder = SAMPLES / "mlflow" / "rest"
        if not folder.is_dir():
            pytest.skip("the captured answers are not at hand")
        names = ("registered-models_search", "registered-models_get", "model-versions_search", "runs_get")
        self.answers = {
            name.replace("_", "/"): json.loads((folder / f"{name}.json").read_text())["response_body"] for name in names
        }
        self.model = self.answers["registered-models/get"]["registered_model"]
        self.run = self.answers["runs/get"]["run"]
        self.broken = False

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any]:
        if self.broken:
            return 500, {}
        name = path.removeprefix("/api/2.0/mlflow/")
        if name == "registered-models/search":
            return 200, {"registered_models": [{"name": self.model["name"]}]}
        if name == "runs/get" and query["run_id"] != [self.run["info"]["run_id"]]:
            return 404, {}
        return (200, self.answers[name]) if name in self.answers else (404, {})


@pytest.fixture
def server(settings: Any) -> Iterator[tuple[Registry, str]]:
    registry = Registry()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            status, body = registry.answer(parts.path, parse_qs(parts.query))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_words: Any) -> None:
            """Nothing to say."""

    service = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    settings.ASSAY_OUTBOUND_HOSTS = ["127.0.0.1"]
    yield registry, f"http://127.0.0.1:{service.server_port}"
    service.shutdown()
    service.server_close()


def test_versions_lead_to_their_runs_and_the_data_that_those_used(server: tuple[Registry, str], maya: Person) -> None:
    registry, url = server
    pulled = mlflow_import.pull(actor=maya, server=url)
    assert (pulled.models, pulled.changed, pulled.moved) == (1, 1, ())
    version = LineageNode.objects.get(name=f"dataset:{url}|{registry.model['name']}|1")
    assert DATA in set(closures.ancestors(version).values_list("name", flat=True))
    facts = graph.plain_facts(LineageNode.objects.get(name=DATA))
    assert "10,000 rows" in facts["note"]
    assert not any(name.startswith("digest ") for name in facts), "MLflow's digest is no digest of ours"
    assert not LineageNode.objects.filter(name__contains="content:mlflow").exists()


def test_nothing_new_is_kept_when_nothing_changed(server: tuple[Registry, str], maya: Person) -> None:
    _registry, url = server
    for changed in (1, 0, 0):
        assert mlflow_import.pull(actor=maya, server=url).changed == changed
    assert LineageEvent.objects.count() == 1


def test_a_moved_a_new_and_a_removed_alias_are_told(server: tuple[Registry, str], maya: Person, capsys: Any) -> None:
    registry, url = server
    registry.model["aliases"] = [{"alias": "champion", "version": "1"}, {"alias": "old", "version": "1"}]
    mlflow_import.pull(actor=maya, server=url)
    registry.model["aliases"] = [{"alias": "champion", "version": "2"}, {"alias": "challenger", "version": "1"}]
    call_command("pull_mlflow", "--as", "maya", url)
    told = capsys.readouterr().out
    assert "the alias champion was on 1 and is on 2 now" in told
    assert "the alias old was on 1 and is on nothing now" in told
    assert "the alias challenger was on nothing and is on 1 now" in told
    assert LedgerEntry.objects.filter(event="mlflow.alias-moved").count() == 3
    facts = {
        number: graph.plain_facts(LineageNode.objects.get(name=f"dataset:{url}|{registry.model['name']}|{number}"))
        for number in ("1", "2")
    }
    assert "alias champion" not in facts["1"]
    assert "alias old" not in facts["1"]
    assert facts["1"]["alias challenger"] is True
    assert facts["2"]["alias champion"] is True
    before = graph.document()
    rebuild()
    assert graph.document() == before


def test_a_server_that_fails_or_may_not_be_called_changes_nothing(
    server: tuple[Registry, str], maya: Person, settings: Any
) -> None:
    registry, url = server
    registry.broken = True
    with pytest.raises(OutboundFailedError):
        mlflow_import.pull(actor=maya, server=url)
    settings.ASSAY_OUTBOUND_HOSTS = []
    with pytest.raises(OutboundRefusedError):
        mlflow_import.pull(actor=maya, server=url)
    with pytest.raises(OutboundRefusedError):
        mlflow_import.pull(actor=maya, server="https://169.254.169.254")
    assert not LineageEvent.objects.exists()
    assert not MlflowModel.objects.exists()


@pytest.mark.slow
def test_a_real_server_is_reconciled_with_a_moved_alias(maya: Person, settings: Any, tmp_path: Path) -> None:
    settings.ASSAY_OUTBOUND_HOSTS = ["127.0.0.1"]
    with _real_server(tmp_path) as url:
        _call(url, "registered-models/create", name="risk")
        experiment = _call(url, "experiments/create", name="e")["experiment_id"]
        run = _call(url, "runs/create", experiment_id=experiment, start_time=1_700_000_000_000)["run"]["info"]["run_id"]
        used = {
            "name": "patients",
            "digest": "abcd1234",
            "source_type": "local",
            "source": '{"uri": "s3://lake/p.csv"}',
        }
        _call(url, "runs/log-inputs", run_id=run, datasets=[{"dataset": used, "tags": []}])
        for _ in range(2):
            _call(url, "model-versions/create", name="risk", source=f"runs:/{run}/model", run_id=run)
        _call(url, "registered-models/alias", name="risk", alias="champion", version="1")
        assert mlflow_import.pull(actor=maya, server=url).changed == 1
        _call(url, "registered-models/alias", name="risk", alias="champion", version="2")
        pulled = mlflow_import.pull(actor=maya, server=url)
        assert [(move.alias, move.before, move.after) for move in pulled.moved] == [("champion", "1", "2")]
        assert mlflow_import.pull(actor=maya, server=url).changed == 0
    above = closures.ancestors(LineageNode.objects.get(name=f"dataset:{url}|risk|2"))
    assert above.filter(name="dataset:s3://lake/p.csv|patients|mlflow:abcd1234").exists()


class _real_server:  # noqa: N801  (a context manager)
    """An MLflow server of its own; ASSAY_TEST_MLFLOW names the program where it is not on the path."""

    def __init__(self, folder: Path) -> None:
        program = os.environ.get("ASSAY_TEST_MLFLOW") or shutil.which("mlflow")
        if not program:
            pytest.skip("no MLflow is installed; name its program in ASSAY_TEST_MLFLOW")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        place = ("--backend-store-uri", f"sqlite:///{folder}/m.db", "--artifacts-destination", str(folder / "a"))
        command = (program, "server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1", *place)
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self) -> str:
        url = f"http://127.0.0.1:{self.port}"
        for _ in range(180):
            try:
                requests.get(f"{url}/health", timeout=2)
            except requests.RequestException:
                time.sleep(1)
            else:
                return url
        self.process.terminate()
        pytest.fail("MLflow did not start in three minutes")

    def __exit__(self, *_error: object) -> None:
        self.process.terminate()
        self.process.wait(30)


def _call(url: str, path: str, **body: Any) -> Any:
    answer = requests.post(f"{url}/api/2.0/mlflow/{path}", json=body, timeout=60)
    assert answer.ok, answer.text
    return answer.json()
