"""A model that answers elsewhere: asked by the service over real HTTP, and whatever it answers, the service stands."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audits import broker
from audits.checks.explainability_shap import ShapExplanation
from audits.checks.performance_metrics import PerformanceMetrics
from audits.checks.scorers import endpoint as scorer
from audits.evidence import Evidence, ModelEvidence
from audits.measurements import ObservationStatus
from audits.sandbox import ObservationResult, measure_in_child
from registry.artifacts import ArtifactFormat, sniff_format
from registry.canonical import digest_file
from registry.endpoints import Endpoint, Protocol
from registry.errors import InvalidInputError
from tests.audits.checks.diabetes import TRAINING_ROWS
from tests.audits.checks.evidence_files import number
from tests.audits.checks.scorers.trained import NUMBERS, full_evidence, labels, neural_network

CLAIM = "sha256:" + "a" * 64
QUIET: dict[str, Any] = {"walked_rows": 20, "background_rows": 10, "resamples": 200}


class Server(ThreadingHTTPServer):
    """A scoring server with a real neural network behind it; `mood` is how it answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.mood: Callable[[Handler, bytes], None] = honest
        self.asked = 0

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is what some of these tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.server.asked += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.mood(self, body)

    def reply(self, content: bytes, status: int = 200, claim: str | None = CLAIM, **headers: str) -> None:
        self.send_response(status)
        headers |= {"Content-Length": str(len(content))}
        headers |= {"Assay-Model-Digest": claim} if claim else {}
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def probabilities(body: bytes) -> tuple[bool, list[list[float]]]:
    """(whether the question came by the open protocol, what the real network answers)."""
    told = json.loads(body)
    if "dataframe_split" in told:
        assert told["dataframe_split"]["columns"] == list(NUMBERS)
        return False, neural_network("binary").predict_proba(np.array(told["dataframe_split"]["data"])).tolist()
    [tensor] = told["inputs"]
    rows = np.array(tensor["data"]).reshape(tensor["shape"])
    return True, neural_network("binary").predict_proba(rows).tolist()


def honest(handler: Handler, body: bytes) -> None:
    is_open, rows = probabilities(body)
    if is_open:
        flat = [value for row in rows for value in row]
        output = {"name": "p", "shape": [len(rows), 2], "datatype": "FP64", "data": flat}
        content = {"model_name": "m", "outputs": [output], "parameters": {"model_digest": CLAIM}}
        handler.reply(json.dumps(content).encode(), claim=None)
    else:
        handler.reply(json.dumps({"predictions": rows}).encode())


def raw(content: bytes, **how: Any) -> Callable[[Handler, bytes], None]:
    return lambda handler, _body: handler.reply(content, **how)


def predictions(change: Callable[[list[Any]], Any]) -> Callable[[Handler, bytes], None]:
    def mood(handler: Handler, body: bytes) -> None:
        handler.reply(json.dumps({"predictions": change(probabilities(body)[1])}).encode())

    return mood


@pytest.fixture
def server(settings: Any) -> Iterator[Server]:
    settings.ASSAY_OUTBOUND_HOSTS = ["127.0.0.1"]
    with Server() as made:
        threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield made
        made.shutdown()


def registered(folder: Path, url: str, protocol: str = "mlflow", **changes: Any) -> ModelEvidence:
    path = folder / "endpoint.json"
    path.write_text(
        json.dumps({"assay_endpoint": 1, "protocol": protocol, "url": url, "model_digest": CLAIM, **changes})
    )
    signature = {
        "task": "binary_classification",
        "features": list(NUMBERS),
        "target": "y",
        "positive_label": 1,
        "threshold": 0.5,
    }
    return ModelEvidence(
        name="risk/1", digest=digest_file(path), format="remote-endpoint", path=path, signature=signature
    )


def asked(folder: Path, url: str, check: Any = None, *, timeout: float = 60, warm: bool = True, **given: Any) -> Any:
    held = full_evidence(folder, "onnx", "binary")
    parameters = given.pop("parameters", {})
    there = Evidence(model=registered(folder, url, **given), datasets=held.datasets, seed=7)
    return measure_in_child(
        check or PerformanceMetrics(), parameters, there, timeout_seconds=timeout, memory_mb=2048, warm=warm
    )


def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}/invocations"


# Honest ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["mlflow", "open-inference-2"])
@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
def test_an_endpoint_is_measured_as_the_model_behind_it(
    server: Server,
    protocol: str,
    warm: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    result = asked(tmp_path, address(server), warm=warm, protocol=protocol)
    assert result.status is ObservationStatus.MEASURED, result.message
    frame = pd.read_csv(tmp_path / "evaluation.csv")[list(NUMBERS)]
    expected = neural_network("binary").predict_proba(frame.to_numpy())[:, 1] >= 0.5
    assert number(result.measurement, "accuracy") == pytest.approx(
        (expected == labels("binary")[TRAINING_ROWS:]).mean()
    )
    [told] = result.environment["endpoints"].values()
    assert told == {"url": address(server), "claimed": CLAIM}
    assert result.environment["calls"] in {"seccomp", "audit hook only"}


@pytest.mark.slow
def test_an_endpoint_is_explained_by_walks(server: Server, tmp_path: Path) -> None:
    result = asked(tmp_path, address(server), ShapExplanation(), parameters=QUIET, timeout=200)
    assert result.status is ObservationStatus.MEASURED, result.message
    assert number(result.measurement, "additivity_error") < 1e-9
    assert server.asked > 20


# Hostile --------------------------------------------------------------------------------------------------------------


def drip(handler: Handler, _body: bytes) -> None:
    """One byte now and then, for ever: no single read ever waits long."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while True:
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def drip_headers(handler: Handler, _body: bytes) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.05)


def huge(handler: Handler, _body: bytes) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"1" * (1 << 20))


METADATA = "http://169.254.169.254/latest/meta-data/"


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        (raw(b"", status=302, Location=METADATA), "status 302"),
        (raw(b"", status=307, Location=METADATA), "status 307"),
        (raw(b"oh no", status=500), "status 500"),
        (huge, "more than 1 MiB"),
        (drip, "no whole answer within 1 s"),
        (drip_headers, "no whole answer within 1 s"),
        (raw(b"<html>"), "unusable"),
        (raw(b"[" * 100_000), "unusable"),
        (raw(b'{"predictions": 7}'), "no list of numbers"),
        (raw(b'{"answers": []}'), "unusable"),
        (predictions(lambda rows: rows[:-1]), "rows were sent"),
        (predictions(lambda rows: [*rows[:-1], rows[0][:1]]), "unlike length"),
        (predictions(lambda rows: [*rows[:-1], ["a", "b"]]), "other than numbers"),
        (predictions(lambda rows: [*rows[:-1], [True, False]]), "other than numbers"),
        (predictions(lambda rows: [*rows[:-1], [float("nan"), 1.0]]), "NaN is no number"),
        (predictions(lambda rows: [*rows[:-1], [1e400, 0.0]]), "no number"),
        (predictions(lambda rows: [*rows[:-1], [1.5, -0.5]]), "no probabilities"),
        (predictions(lambda rows: [[*row, 0.0] for row in rows]), "no probabilities"),
        (raw(b'{"predictions": []}', claim="sha256:" + "b" * 64), "unusable|says that sha256:b"),
    ],
)
def test_a_hostile_answer_is_an_error_that_says_so(
    server: Server, mood: Any, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "MOST_ANSWER_BYTES", 1 << 20)
    monkeypatch.setattr(broker, "SECONDS_EACH", 1.0)
    server.mood = mood
    refused(asked(tmp_path, address(server)), words)
    assert server.asked == 1


def refused(result: ObservationResult, words: str) -> None:
    assert (result.status, result.code) == (ObservationStatus.ERROR, "evidence-invalid")
    assert re.search(words, result.message), result.message


def test_an_answer_of_another_model_is_refused(server: Server, tmp_path: Path) -> None:
    other = "sha256:" + "b" * 64
    server.mood = lambda handler, body: handler.reply(
        json.dumps({"predictions": probabilities(body)[1]}).encode(), claim=other
    )
    refused(asked(tmp_path, address(server)), "says that sha256:b+ answered; registered is sha256:a")


def test_an_answer_that_does_not_say_whose_it_is_is_refused(server: Server, tmp_path: Path) -> None:
    server.mood = lambda handler, body: handler.reply(
        json.dumps({"predictions": probabilities(body)[1]}).encode(), claim=None
    )
    refused(asked(tmp_path, address(server)), "does not say which model answered")


def test_an_endpoint_that_never_ends_is_stopped_with_its_check(server: Server, tmp_path: Path) -> None:
    server.mood = lambda _handler, _body: time.sleep(30)
    started = time.monotonic()
    result = asked(tmp_path, address(server), timeout=3)
    assert result.status in {ObservationStatus.TIMED_OUT, ObservationStatus.ERROR}
    assert time.monotonic() - started < 15


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://169.254.169.254/latest/meta-data/", "not a public address"),
        ("https://127.0.0.1:1/v2/models/m/infer", "not a public address"),
        ("https://[::1]/infer", "not a public address"),
        ("https://10.0.0.7/infer", "not a public address"),
        ("http://models.example/infer", "without TLS"),
    ],
)
def test_addresses_inside_are_never_called(url: str, words: str, tmp_path: Path, settings: Any) -> None:
    settings.ASSAY_OUTBOUND_HOSTS = []
    refused(asked(tmp_path, url), words)


def test_a_child_can_ask_no_other_address_than_the_registered_one(server: Server, tmp_path: Path) -> None:
    content = (registered(tmp_path, address(server)).path or tmp_path).read_bytes()
    asking = broker.Broker({"sha256:" + "1" * 64: Endpoint.from_bytes(content)})
    try:
        assert asking._answered(b"sha256:" + b"2" * 64 + b"{}", 5.0) == b"-no endpoint is registered for this model"
        assert server.asked == 0
    finally:
        asking.close()


def test_questions_are_counted(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "MOST_QUESTIONS", 0)
    refused(asked(tmp_path, address(server)), "more than 0 questions")
    assert server.asked == 0


# What is registered ---------------------------------------------------------------------------------------------------


def test_the_file_is_recognised_by_its_content(tmp_path: Path) -> None:
    path = registered(tmp_path, "https://models.example/infer").path
    assert path is not None
    assert sniff_format(path, declared="remote-endpoint") is ArtifactFormat.REMOTE_ENDPOINT
    assert Endpoint.from_bytes(path.read_bytes()).protocol is Protocol.MLFLOW


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"protocol": "grpc"}, "protocol"),
        ({"url": "ftp://models.example/"}, "url"),
        ({"url": "https://user:secret@models.example/"}, "url"),
        ({"model_digest": "sha256:1"}, "model_digest"),
        ({"inputs": "rows"}, "inputs"),
        ({"token": "secret"}, "artifact"),
        ({"assay_endpoint": 2}, "assay_endpoint"),
    ],
)
def test_a_description_that_cannot_be_used_is_refused_by_field(
    changes: dict[str, Any], field: str, tmp_path: Path
) -> None:
    path = registered(tmp_path, "https://models.example/infer").path
    assert path is not None
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(InvalidInputError) as refusal:
        sniff_format(path)
    assert refusal.value.field == field


def test_columns_go_as_one_tensor_each_and_missing_values_do_not_go() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    [first, second] = scorer._tensors(frame, "columns")["inputs"]
    assert (first["datatype"], first["data"], second["datatype"]) == ("FP64", [1.0, 2.0], "BYTES")
    assert scorer._split(frame.assign(a=[1.0, np.nan]))["dataframe_split"]["data"] == [[1.0, "x"], [None, "y"]]
    with pytest.raises(Exception, match="a: has missing values"):
        scorer._tensors(frame.assign(a=[1.0, np.nan]), "matrix")
