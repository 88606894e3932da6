"""Writing ONNX files byte by byte, so that tests can make good ones and broken ones without another package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

FLOAT, INT64 = 1, 7


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    pieces = bytearray()
    while number > 0x7F:
        pieces.append(number & 0x7F | 0x80)
        number >>= 7
    pieces.append(number)
    return bytes(pieces)


def field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def tensor(name: str, numbers: Any, *extra: bytes) -> bytes:
    array = np.ascontiguousarray(numbers, dtype=np.float32)
    dims = b"".join(field(1, size) for size in array.shape)
    return dims + field(2, FLOAT) + field(8, name) + field(9, array.tobytes()) + b"".join(extra)


def external(name: str, location: str, shape: Sequence[int] = (4,)) -> bytes:
    entry = field(1, "location") + field(2, location)
    dims = b"".join(field(1, size) for size in shape)
    return dims + field(2, FLOAT) + field(8, name) + field(13, entry) + field(14, 1)


def attribute(name: str, value: Any) -> bytes:
    head = field(1, name)
    if isinstance(value, bytes):  # a ready tensor
        return head + field(5, value) + field(20, 4)
    if isinstance(value, str):
        return head + field(4, value) + field(20, 3)
    if isinstance(value, int):
        return head + field(3, value) + field(20, 2)
    if isinstance(value[0], str):
        return head + b"".join(field(9, word) for word in value) + field(20, 8)
    if isinstance(value[0], int):
        return head + b"".join(field(8, number) for number in value) + field(20, 7)
    packed = np.asarray(value, dtype="<f4").tobytes()
    return head + field(7, packed) + field(20, 6)


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str], domain: str = "", **attributes: Any) -> bytes:
    content = b"".join(field(1, name) for name in inputs) + b"".join(field(2, name) for name in outputs)
    content += field(4, kind) + b"".join(field(5, attribute(name, value)) for name, value in attributes.items())
    return content + (field(7, domain) if domain else b"")


def value_info(name: str, width: int | None, kind: int = FLOAT) -> bytes:
    rows = field(1, field(2, "n"))
    columns = b"" if width is None else field(1, field(1, width))
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, rows + columns)))


def model(
    nodes: Sequence[bytes],
    *,
    inputs: Sequence[bytes],
    outputs: Sequence[bytes],
    weights: Sequence[bytes] = (),
    domains: Sequence[tuple[str, int]] = (("", 17), ("ai.onnx.ml", 3)),
    more: bytes = b"",
) -> bytes:
    graph = b"".join(field(1, one) for one in nodes) + field(2, "g") + b"".join(field(5, one) for one in weights)
    graph += b"".join(field(11, one) for one in inputs) + b"".join(field(12, one) for one in outputs)
    opsets = b"".join(field(8, field(1, name) + field(2, version)) for name, version in domains)
    return field(1, 8) + field(2, "tests") + field(7, graph) + opsets + more


def network(pipeline: Any, width: int, final: str = "Sigmoid") -> bytes:
    """A fitted Pipeline(StandardScaler, MLP…) as a graph: Scaler, then Gemm and Relu a layer."""
    scaler, mlp = pipeline[0], pipeline[-1]
    nodes = [
        node(
            "Scaler",
            ["x"],
            ["h0"],
            "ai.onnx.ml",
            offset=scaler.mean_.tolist(),
            scale=(1 / scaler.scale_).tolist(),
        )
    ]
    weights, last = [], len(mlp.coefs_) - 1
    for layer, (slopes, biases) in enumerate(zip(mlp.coefs_, mlp.intercepts_, strict=True)):
        weights += [tensor(f"w{layer}", slopes), tensor(f"b{layer}", biases)]
        nodes.append(node("Gemm", [f"h{layer}", f"w{layer}", f"b{layer}"], [f"g{layer}"]))
        if layer < last:
            nodes.append(node("Relu", [f"g{layer}"], [f"h{layer + 1}"]))
    nodes.append(
        node("Softmax", [f"g{last}"], ["p"], axis=1) if final == "Softmax" else node(final, [f"g{last}"], ["p"])
    )
    answered = mlp.coefs_[-1].shape[1]
    return model(nodes, inputs=[value_info("x", width)], outputs=[value_info("p", answered)], weights=weights)


def stump(*, feature: int = 0, truenode: int = 1, falsenode: int = 2, width: int = 2) -> bytes:
    """A regression by one split."""
    tree = node(
        "TreeEnsembleRegressor",
        ["x"],
        ["y"],
        "ai.onnx.ml",
        n_targets=1,
        nodes_treeids=[0, 0, 0],
        nodes_nodeids=[0, 1, 2],
        nodes_featureids=[feature, 0, 0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"],
        nodes_values=[0.5, 0.0, 0.0],
        nodes_truenodeids=[truenode, 0, 0],
        nodes_falsenodeids=[falsenode, 0, 0],
        target_treeids=[0, 0],
        target_nodeids=[1, 2],
        target_ids=[0, 0],
        target_weights=[1.0, 2.0],
    )
    return model([tree], inputs=[value_info("x", width)], outputs=[value_info("y", 1)])
