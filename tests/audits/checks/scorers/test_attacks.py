"""Model files that attack: each is refused before it is asked, with a sentence that names the reason."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from audits.checks import _ensembles
from audits.checks.base import EvidenceError
from audits.checks.scorers import read_artifact
from audits.checks.scorers.skops_file import unknown_types
from tests.audits.checks.scorers import onnx_files as onnx
from tests.audits.checks.scorers.trained import model_evidence, write_model

X, Y = [onnx.value_info("x", 2)], [onnx.value_info("y", 1)]
TWO: dict[str, Any] = {"features": ["a", "b"], "task": "regression"}


def refused(path: Path, form: str, words: str, **signature: Any) -> None:
    with pytest.raises(EvidenceError, match=words):
        read_artifact(model_evidence(path, form, **signature))


def write(folder: Path, content: bytes) -> Path:
    path = folder / "model.bin"
    path.write_bytes(content)
    return path


class Evil:
    """Runs a program when it is unpickled."""

    def __reduce__(self) -> Any:
        return (__import__("os").system, ("touch /tmp/assay-was-here",))


# Pickle by any name ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["skops", "onnx", "xgboost-json", "xgboost-ubj", "lightgbm-text"])
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_is_refused_whatever_format_it_claims_to_be(form: str, protocol: int, tmp_path: Path) -> None:
    refused(write(tmp_path, pickle.dumps(Evil(), protocol=protocol)), form, r"runs code, so it is refused")


def test_a_compressed_joblib_file_is_refused(tmp_path: Path) -> None:
    joblib.dump(Evil(), tmp_path / "m", compress=3)
    refused(tmp_path / "m", "skops", "runs code, so it is refused")


@pytest.mark.parametrize("name", ["data.pkl", "archive/data.pkl", "weights.npy"])
def test_a_pickle_inside_an_archive_is_refused(name: str, tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("schema.json", json.dumps({"protocol": 2, "_skops_version": "0", "__class__": "X"}))
        archive.writestr(name, pickle.dumps(Evil()))
    refused(write(tmp_path, content.getvalue()), "skops", "archive with a pickle|PyTorch archive")


def test_an_object_array_that_hides_a_pickle_in_skops_is_refused(tmp_path: Path) -> None:
    """NumPy's own format holds objects by pickle; skops says so by type, and this type is not allowed."""
    good = skops.io.dumps(LogisticRegression().fit([[0.0, 1.0], [1.0, 0.0]], [0, 1]))
    array = io.BytesIO()
    np.save(array, np.array([Evil()], dtype=object), allow_pickle=True)
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as source, zipfile.ZipFile(content, "w") as archive:
        for member in source.infolist():
            is_array = member.filename.endswith(".npy")
            archive.writestr(member.filename, array.getvalue() if is_array else source.read(member))
    refused(write(tmp_path, content.getvalue()), "skops", "cannot be loaded: .*allow_pickle")
    assert not Path("/tmp/assay-was-here").exists()  # noqa: S108 - where the attack would write


# Types ----------------------------------------------------------------------------------------------------------------


class Strange:
    """A type no list of ours holds."""

    def predict(self, frame: Any) -> Any:
        return frame


def test_types_that_are_not_allowed_are_listed_for_an_administrator(tmp_path: Path) -> None:
    skops.io.dump(Strange(), tmp_path / "m")
    given = model_evidence(tmp_path / "m", "skops")
    [name] = unknown_types(given)
    assert name.endswith("Strange")
    refused(tmp_path / "m", "skops", "not allowed here: .*Strange. An administrator")


# Boosters -------------------------------------------------------------------------------------------------------------


def _tampered_json(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    path = write_model(folder, "xgboost-json", "binary")
    document = json.loads(path.read_bytes())
    change(document["learner"])
    path.write_text(json.dumps(document))
    return path


def _set(name: str, index: int, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(learner: dict[str, Any]) -> None:
        learner["gradient_booster"]["model"]["trees"][0][name][index] = value

    return change


def _longer(learner: dict[str, Any]) -> None:
    learner["gradient_booster"]["model"]["trees"][0]["left_children"].append(-1)


def _objective(learner: dict[str, Any]) -> None:
    learner["objective"]["name"] = "reg:quantileerror"


def _cycle(learner: dict[str, Any]) -> None:
    tree = learner["gradient_booster"]["model"]["trees"][0]
    tree["right_children"][1] = 1
    tree["left_children"][1] = 2


@pytest.mark.parametrize(
    "change",
    [
        _set("left_children", 0, 4_000_000),
        _set("right_children", 0, 0),
        _set("right_children", 0, -5),
        _set("split_indices", 0, 5_000),
        _cycle,
        _longer,
        _objective,
    ],
)
def test_a_tampered_xgboost_tree_is_refused_before_it_is_asked(
    change: Callable[[dict[str, Any]], None], tmp_path: Path
) -> None:
    refused(_tampered_json(tmp_path, change), "xgboost-json", r"tampered|cannot be loaded|objective")


def _in_text(folder: Path, name: str, value: str) -> Path:
    path = write_model(folder, "lightgbm-text", "binary")
    lines = path.read_text().splitlines()
    index = next(i for i, line in enumerate(lines) if line.startswith(f"{name}="))
    rest = lines[index].split("=", 1)[1].split()[1:]
    lines[index] = f"{name}={' '.join([value, *rest])}"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("left_child", "90000"),
        ("left_child", "0"),
        ("right_child", "-90000"),
        ("split_feature", "900"),
        ("split_feature", "-3"),
        ("num_leaves", "2000000000"),
        ("num_leaves", "3"),
        ("leaf_value", "1.0 2.0"),
        ("threshold", "many"),
        ("num_tree_per_iteration", "7"),
        ("max_feature_idx", "-9"),
        ("objective", "own_thing"),
    ],
)
def test_a_tampered_lightgbm_tree_is_refused_before_it_is_asked(name: str, value: str, tmp_path: Path) -> None:
    words = r"tampered|cannot be loaded|objective|takes -8"
    refused(_in_text(tmp_path, name, value), "lightgbm-text", words)


@pytest.mark.parametrize("form", ["xgboost-json", "xgboost-ubj", "lightgbm-text", "onnx"])
@pytest.mark.parametrize("share", [0.2, 0.5])
def test_a_file_that_was_cut_off_is_refused(form: str, share: float, tmp_path: Path) -> None:
    path = write_model(tmp_path, form, "binary")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refused(path, form, "cannot be loaded|malformed|no end|no known format")


def test_a_giant_ensemble_is_refused_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for form in ("xgboost_file", "lightgbm_file"):
        monkeypatch.setattr(f"audits.checks.scorers.{form}.MAX_TREES", 10)
    assert _ensembles.MAX_TREES > 10
    for form in ("xgboost-json", "lightgbm-text"):
        refused(write_model(tmp_path, form, "binary"), form, "has 15 trees; 10 at most")


# ONNX -----------------------------------------------------------------------------------------------------------------


def _graph(*nodes: bytes, **more: Any) -> bytes:
    return onnx.model(nodes, inputs=X, outputs=Y, **more)


ADD = onnx.node("ReduceSum", ["x"], ["y"])
OUTSIDE = onnx.external("w", "../../etc/passwd")
INNER = onnx.field(1, "body") + onnx.field(6, onnx.field(5, OUTSIDE)) + onnx.field(20, 5)
NESTED = onnx.node("If", ["x"], ["y"]) + onnx.field(5, INNER)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (_graph(ADD, weights=[OUTSIDE]), "weights in another file"),
        (_graph(ADD, weights=[onnx.external("w", "weights.pkl")]), "weights in another file"),
        (_graph(ADD, onnx.node("Constant", [], ["c"], value=OUTSIDE)), "weights in another file"),
        (_graph(NESTED), "weights in another file"),
        (_graph(ADD, onnx.node("Shell", ["x"], ["z"], "com.evil")), "operator Shell of com.evil"),
        (_graph(ADD, domains=[("", 17), ("com.evil", 1)]), "operator set of com.evil"),
        (_graph(ADD, more=onnx.field(25, onnx.field(1, "f"))), "functions of its own"),
        (onnx.stump(feature=5_000), "feature that does not exist"),
        (onnx.stump(feature=-1), "feature that does not exist"),
        (onnx.stump(truenode=77), "points at no node"),
        (onnx.stump(truenode=0), "two parents"),
        (onnx.stump(truenode=2), "two parents"),
        (b"\x08\x08\x3a\xff\xff\xff\xff\x7f", "malformed"),
        (b"\x08\x08\x12" + b"\xff" * 20, "malformed"),
    ],
)
def test_a_hostile_onnx_file_is_refused_before_the_runtime_sees_it(content: bytes, words: str, tmp_path: Path) -> None:
    refused(write(tmp_path, content), "onnx", words, **TWO)


def test_an_honest_small_tree_of_the_same_making_is_taken(tmp_path: Path) -> None:
    import pandas as pd

    model = read_artifact(model_evidence(write(tmp_path, onnx.stump()), "onnx", **TWO))
    assert model.predict(pd.DataFrame({"a": [0.0, 1.0], "b": [9.0, 9.0]})).tolist() == [1.0, 2.0]


def test_graphs_within_graphs_have_a_depth_limit(tmp_path: Path) -> None:
    inner = b""
    for _depth in range(12):
        attribute = onnx.field(1, "body") + onnx.field(6, inner) + onnx.field(20, 5)
        inner = onnx.field(1, onnx.node("If", ["x"], ["y"]) + onnx.field(5, attribute))
    content = onnx.field(1, 8) + onnx.field(2, "t") + onnx.field(7, inner)
    refused(write(tmp_path, content), "onnx", "nests graphs", **TWO)


def test_an_output_that_is_no_probability_is_refused(tmp_path: Path) -> None:
    import pandas as pd

    content = onnx.stump()
    model = read_artifact(
        model_evidence(write(tmp_path, content), "onnx", features=["a", "b"], task="binary_classification")
    )
    with pytest.raises(EvidenceError, match="holds no probabilities"):
        model.predict_proba(pd.DataFrame({"a": [0.0, 1.0], "b": [9.0, 9.0]}))
