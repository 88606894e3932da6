"""Model files are told by their bytes: what runs code is refused under any name, with the way out."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path

import joblib
import pytest
import skops.io
from sklearn.linear_model import LinearRegression

from registry import artifacts
from registry.artifacts import ArtifactFormat, require_accepted, require_scorable, sniff_format
from registry.errors import ArtifactRefusedError, InvalidInputError

MODEL = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])


def archive(members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, member in members.items():
            packed.writestr(name, member)
    return content.getvalue()


def joblib_file(compress: int | tuple[str, int]) -> bytes:
    content = io.BytesIO()
    joblib.dump(MODEL, content, compress=compress)
    return content.getvalue()


SKOPS_SCHEMA = json.dumps({"protocol": 2, "_skops_version": "0", "__class__": "X"}).encode()


def test_a_skops_file_is_accepted_from_a_stream_and_from_a_path(tmp_path: Path) -> None:
    skops.io.dump(MODEL, tmp_path / "m")
    assert sniff_format(tmp_path / "m", declared="skops") is ArtifactFormat.SKOPS
    with (tmp_path / "m").open("rb") as stream:
        require_accepted(stream, declared="skops")
    require_scorable(ArtifactFormat.SKOPS)


SKOPS_LINES = r'skops.io.dump\(model, "model.skops"\)'
MLFLOW = {"m/MLmodel": b"flavors:", "m/python_model.pkl": pickle.dumps(MODEL)}


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        *((pickle.dumps(MODEL, protocol=protocol), SKOPS_LINES) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),
        (pickle.dumps({"a": [1]}, protocol=0), r"pickle.load\(open"),
        *((joblib_file(kind), SKOPS_LINES) for kind in (0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3))),
        (joblib_file(3), r"joblib.load\(path\)"),
        (b"\x80\x05\x95\x8c\x17cloudpickle.cloudpickle\x94.", r"cloudpickle.load\(open"),
        (b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00\x8c\x0adill._dill\x94.", r"dill.load\(open"),
        (b"\x80\x04\x8c\x0fxgboost.sklearn\x94.", r"model.save_model\(\"model.json\"\)"),
        (b"\x80\x04\x8c\x10lightgbm.sklearn\x94.", r"save_model\(\"model.txt\"\)"),
        (archive({"archive/data.pkl": b"x", "archive/version": b"3"}), r"torch.onnx.export\(model"),
        (archive(MLFLOW), r"(?s)mlflow.sklearn.load_model.*remote-endpoint"),
        (archive({"schema.json": SKOPS_SCHEMA, "model.joblib": b"x"}), SKOPS_LINES),
        (archive({"schema.json": SKOPS_SCHEMA, "innocent.npy": pickle.dumps(MODEL)}), SKOPS_LINES),
        (pickle.dumps(MODEL) + archive({"schema.json": SKOPS_SCHEMA}), SKOPS_LINES),
    ],
)
def test_whatever_runs_code_when_opened_is_refused_with_the_converting_lines(content: bytes, lines: str) -> None:
    with pytest.raises(ArtifactRefusedError, match=lines) as refusal:
        require_accepted(io.BytesIO(content), declared="skops")
    assert refusal.value.field == "artifact"
    assert "opening it runs code" in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'{"learner": {"attributes": {}}, "version": [3, 2, 0]}', "xgboost-json"),
        (b"{L\x00\x00\x00\x00\x00\x00\x00\x07learner{", "xgboost-ubj"),
        (b"tree\nversion=v4\nnum_class=1\n", "lightgbm-text"),
        (b"\x08\x0a\x12\x07skl2onnx", "onnx"),
    ],
)
def test_other_safe_formats_are_told_by_their_bytes_and_can_be_asked(content: bytes, found: str) -> None:
    sniffed = sniff_format(io.BytesIO(content), declared=found)
    assert sniffed == found
    require_scorable(sniffed)


def test_a_format_nothing_here_can_ask_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "SCORABLE", frozenset({ArtifactFormat.SKOPS}))
    with pytest.raises(ArtifactRefusedError, match="cannot be asked for predictions: give one of skops"):
        require_scorable(ArtifactFormat.ONNX)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"hello", "no known format"),
        (b"\x7fELF\x02\x01", "no known format"),
        (archive({"readme.txt": b"x"}), "no skops file"),
        (archive({"schema.json": b"[]"}), "no skops file"),
        (archive({"schema.json": b"{" * 100_000}), "no skops file"),
        (archive({"schema.json": SKOPS_SCHEMA})[:-30], "cannot be read"),
    ],
)
def test_what_is_no_model_file_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        sniff_format(io.BytesIO(content))


def test_another_format_than_declared_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="declared as onnx but is skops"):
        sniff_format(io.BytesIO(skops.io.dumps(MODEL)), declared="onnx")


def test_a_zip_bomb_is_refused_unopened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "MAX_UNPACKED_BYTES", 1 << 20)
    with pytest.raises(ArtifactRefusedError, match="unpacks to more than"):
        sniff_format(io.BytesIO(archive({"schema.json": SKOPS_SCHEMA, "zeros": bytes(2 << 20)})))
