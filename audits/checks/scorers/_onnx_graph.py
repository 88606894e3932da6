"""What an ONNX file may hold, examined before the runtime sees it. Pure.

Refused: weights kept in other files (a path in the file decides which), operators from anywhere but the two standard
sets, functions, graphs within graphs beyond a depth, and tree ensembles whose child or feature indices point outside.
Field numbers are those of onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from audits.checks.base import EvidenceError
from audits.checks.scorers._protobuf import MalformedError, fields, inside, integers, text

STANDARD = frozenset({"", "ai.onnx", "ai.onnx.ml"})
MAX_NODES, MAX_DEPTH = 100_000, 8
_GRAPH, _OPSETS, _FUNCTIONS = 7, 8, 25
_NODES, _INITIALIZERS, _SPARSE, _INPUTS = 1, 5, 15, 11
_EXTERNAL_FILES, _LOCATION = 13, 14
_KEEPS_WIDTH = frozenset({"Cast", "Identity", "Scaler", "Imputer", "Normalizer", "Binarizer"})


@dataclass(slots=True)
class _Node:
    kind: str = ""
    domain: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    attributes: dict[str, list[int]] = field(default_factory=dict)
    modes: list[str] = field(default_factory=list)


def examine(content: bytes, columns: int) -> None:
    """Raises EvidenceError. `columns` is how many columns the model takes, in one input or each in its own."""
    try:
        _model(memoryview(content), columns)
    except MalformedError as error:
        raise EvidenceError("model", f"the ONNX file is malformed: {error}") from error


def _model(message: memoryview, columns: int) -> None:
    graphs = [inside(value) for number, value in fields(message) if number == _GRAPH]
    if len(graphs) != 1:
        raise MalformedError("it has no graph, or several")
    if any(number == _FUNCTIONS for number, _ in fields(message)):
        raise EvidenceError("model", "defines functions of its own; inline them before saving")
    for opset in [inside(value) for number, value in fields(message) if number == _OPSETS]:
        for number, content in fields(opset):
            if number == 1:
                _require_standard(text(content), "an operator set")
    if _graph(graphs[0], 0, columns) > MAX_NODES:
        raise EvidenceError("model", f"has more than {MAX_NODES} operators")


def _require_standard(domain: str, what: str) -> None:
    if domain not in STANDARD:
        raise EvidenceError("model", f"uses {what} of {domain}, which is not one of the ONNX standard's")


def _graph(message: memoryview, depth: int, columns: int) -> int:
    """How many nodes there are, inner graphs included."""
    if depth > MAX_DEPTH:
        raise EvidenceError("model", f"nests graphs more than {MAX_DEPTH} deep")
    count = 0
    widths = _inputs(message, columns) if columns else {}
    for number, value in fields(message):
        if number == _NODES:
            node, nodes_inside = _node(inside(value), depth)
            count += 1 + nodes_inside
            _follow(node, widths)
        elif number == _INITIALIZERS:
            _tensor(inside(value))
        elif number == _SPARSE:
            _sparse(inside(value))
    return count


def _inputs(message: memoryview, columns: int) -> dict[str, int]:
    """The width of each input: that of the one matrix, or 1 where each column is an input of its own."""
    described = [inside(value) for number, value in fields(message) if number == _INPUTS]
    names = [text(content) for one in described for number, content in fields(one) if number == 1]
    return dict.fromkeys(names, columns if len(names) == 1 else 1)


def _node(message: memoryview, depth: int) -> tuple[_Node, int]:
    node, count = _Node(), 0
    for number, value in fields(message):
        if number == 1:
            node.inputs.append(text(value))
        elif number == 2:  # noqa: PLR2004 - NodeProto.output
            node.outputs.append(text(value))
        elif number == 4:  # noqa: PLR2004 - NodeProto.op_type
            node.kind = text(value)
        elif number == 7:  # noqa: PLR2004 - NodeProto.domain
            node.domain = text(value)
        elif number == 5:  # noqa: PLR2004 - NodeProto.attribute
            count += _attribute(inside(value), node, depth)
    _require_standard(node.domain, f"operator {node.kind}")
    return node, count


def _attribute(message: memoryview, node: _Node, depth: int) -> int:
    name, numbers, count = "", [], 0
    for number, value in fields(message):
        if number == 1:
            name = text(value)
        elif number in (3, 8):  # i, ints
            numbers += list(integers(value))
        elif number == 9 and name == "nodes_modes":  # noqa: PLR2004 - strings
            node.modes.append(text(value))
        elif number in (5, 10):  # t, tensors
            _tensor(inside(value))
        elif number in (6, 11):  # g, graphs
            count += _graph(inside(value), depth + 1, 0)
        elif number in (22, 23):  # sparse_tensor, sparse_tensors
            _sparse(inside(value))
    node.attributes[name] = numbers
    return count


def _tensor(message: memoryview) -> None:
    for number, _ in _external(message):
        if number:
            raise EvidenceError(
                "model",
                "keeps weights in another file, which is never opened; save them inside (save_as_external_data)",
            )


def _external(message: memoryview) -> Iterator[tuple[bool, int]]:
    for number, value in fields(message):
        yield number == _EXTERNAL_FILES or (number == _LOCATION and value != 0), number


def _sparse(message: memoryview) -> None:
    """SparseTensorProto holds its values and its indices as tensors."""
    for number, value in fields(message):
        if number in (1, 2):
            _tensor(inside(value))


def _follow(node: _Node, widths: dict[str, int]) -> None:
    """Carry known widths along, and examine a tree ensemble where it stands."""
    width = widths.get(node.inputs[0], 0) if node.inputs else 0
    if node.kind in _KEEPS_WIDTH and width:
        widths |= dict.fromkeys(node.outputs, width)
    if node.kind in {"TreeEnsembleClassifier", "TreeEnsembleRegressor"}:
        _trees(node, width)
    elif node.kind == "TreeEnsemble":
        raise EvidenceError("model", "uses TreeEnsemble (opset 5), which cannot be examined; save with opset 3")


def _trees(node: _Node, width: int) -> None:
    """Every branch leads to two nodes of its own tree, and looks at a column that exists."""
    if not width:
        raise EvidenceError("model", "the columns that reach its trees cannot be traced; feed them one matrix")
    names = ("nodes_treeids", "nodes_nodeids", "nodes_truenodeids", "nodes_falsenodeids", "nodes_featureids")
    columns = [node.attributes.get(name, []) for name in names]
    count = len(node.modes)
    if not count or any(len(column) != count for column in columns):
        raise _damaged("its arrays differ in length")
    known = set(zip(columns[0], columns[1], strict=True))
    if len(known) != count:
        raise _damaged("a node is defined twice")
    roots = dict(zip(reversed(columns[0]), reversed(columns[1]), strict=True))
    taken = set(roots.items())
    for mode, tree, yes, no, feature in zip(node.modes, columns[0], *columns[2:], strict=True):
        if mode == "LEAF":
            continue
        if not 0 <= feature < width:
            raise _damaged("a split uses a feature that does not exist")
        for child in ((tree, yes), (tree, no)):
            _require_own_child(child, known, taken)


def _require_own_child(child: tuple[int, int], known: set[tuple[int, int]], taken: set[tuple[int, int]]) -> None:
    if child not in known:
        raise _damaged("a child index points at no node")
    if child in taken:
        raise _damaged("a node has two parents, so a walk may never end")
    taken.add(child)


def _damaged(problem: str) -> EvidenceError:
    return EvidenceError("model", f"a tree of the model is damaged or was tampered with: {problem}")
