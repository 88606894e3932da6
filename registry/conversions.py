"""The lines that turn a file that runs code into one that does not, by the library that wrote it. Pure.

Which library it was is read from names in the file's first bytes. That is a guess for a helpful sentence and no
judgement: the file is refused whatever they say.
"""

from __future__ import annotations

from collections.abc import Mapping

_OPENED = {
    "cloudpickle": "    import cloudpickle\n    model = cloudpickle.load(open(path, 'rb'))\n",
    "dill": "    import dill\n    model = dill.load(open(path, 'rb'))\n",
    "joblib": "    import joblib\n    model = joblib.load(path)\n",
    "pickle": "    import pickle\n    model = pickle.load(open(path, 'rb'))\n",
    "mlflow": "    import mlflow\n    model = mlflow.sklearn.load_model(uri)  # or the flavour it was logged with\n",
    "torch": "    import torch\n    model = torch.load(path, weights_only=False).eval()\n",
}
_SAVED: Mapping[str, tuple[str, str]] = {
    "skops": ('    import skops.io\n    skops.io.dump(model, "model.skops")\n', "model.skops with format skops"),
    "torch": (
        '    torch.onnx.export(model, example_rows, "model.onnx")  # ending in softmax or sigmoid\n',
        "model.onnx with format onnx",
    ),
    "xgboost": ('    model.save_model("model.json")\n', "model.json with format xgboost-json"),
    "lightgbm": (
        '    getattr(model, "booster_", model).save_model("model.txt")\n',
        "model.txt with format lightgbm-text",
    ),
}
_PYFUNC = "\nA pyfunc with code of its own cannot be converted: serve it, and register its address as remote-endpoint."


def converting_lines(head: bytes, kind: str = "pickle") -> str:
    """How to convert a file that begins with `head`; `kind` is how it is opened: pickle, joblib, torch or mlflow."""
    opened = next((name for name in ("cloudpickle", "dill") if name.encode() in head), kind)
    written = next((name for name in ("torch", "xgboost", "lightgbm") if name.encode() in head), "skops")
    lines, register = _SAVED["torch" if kind == "torch" else written]
    way = f"Convert it where you trust it:\n{_OPENED[opened]}{lines}and register {register}."
    return way + (_PYFUNC if kind == "mlflow" else "")
