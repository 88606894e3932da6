"""DVC: `.dvc` files, `dvc.lock`, `dvc.yaml` and directory manifests of one repository at one revision.

An event is `{"repository", "revision", "files": {path: text}, "held": {path: sha256}}`. DVC names content by MD5, which
is no proof against an adversary; `held` gives the SHA-256 of those files that lay in the workspace and whose MD5 was
right when they were collected, and by it they meet registered versions.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from registry import strict_json
from registry.canonical import canonical_json, digest_file, is_digest
from registry.connectors import yaml_files
from registry.connectors.shapes import objects, require_object, require_text, text
from registry.connectors.statements import (
    LineageRefusedError,
    StatedNode,
    Statement,
    content_edges,
    dataset_name,
    job_name,
    run_name,
    unique,
)
from registry.lineage import Edge

FORMAT = "dvc"
_CODE = re.compile(r"\.(?:py|sh|r|R|sql|ipynb|scala|jl|js|ts|toml|ya?ml)$")
_MANIFEST = re.compile(r"[0-9a-f]{32}\.dir(?:\.json)?$")
_CACHED = re.compile(r"/([0-9a-f]{2})/([0-9a-f]{30}\.dir)$")


def collect(folder: Path, *, repository: str, revision: str = "") -> dict[str, Any]:
    """The event of a workspace. Raises LineageRefusedError when a file is not the one that DVC pinned, OSError."""
    paths = [*folder.rglob("*.dvc"), *folder.rglob("dvc.lock"), *folder.rglob("dvc.yaml"), *folder.rglob("*.dir*")]
    files = {}
    for path in sorted(path for path in paths if path.is_file()):
        name = _CACHED.sub(r"/\1\2", "/" + path.relative_to(folder).as_posix()).lstrip("/")
        files[name] = path.read_text()
    event = {"repository": repository, "revision": revision, "files": files, "held": {}}
    validate(event)
    held = {}
    for name, pinned in sorted({(path, entry.get("md5", "")) for path, entry in _all_outs(event)}):
        path = folder / name
        if path.is_file() and pinned and not pinned.endswith(".dir"):
            found = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
            if found != pinned:
                raise LineageRefusedError(f"The file has the MD5 {found}, DVC pinned {pinned}.", field=name)
            held[name] = digest_file(path)
    return {**event, "held": held}


def validate(event: Any, place: str = "") -> None:
    """Raises LineageRefusedError naming the file and what is wrong in it."""
    given = require_object(event, place)
    require_text(given, "repository", place)
    files = require_object(given.get("files"), f"{place}files")
    if not files:
        raise LineageRefusedError("There is no .dvc file, dvc.lock or directory manifest.", field=f"{place}files")
    for name, content in files.items():
        where = f"{place}files.{name}"
        if not isinstance(content, str):
            raise LineageRefusedError("must be the text of the file", field=where)
        if _MANIFEST.search(name):
            _require_manifest(name, content, where)
        else:
            require_object(_parsed(content, where), where)
    held = require_object(given.get("held", {}), f"{place}held")
    for name, digest in held.items():
        if not is_digest(digest):
            raise LineageRefusedError("must be sha256:<64 hex digits>", field=f"{place}held.{name}")


def read(event: Mapping[str, Any], digest: str) -> Statement:
    """Files as datasets, stages of dvc.lock as runs. A script among the dependencies is code of the run, not data."""
    repository = event["repository"]
    nodes: list[StatedNode] = []
    edges: list[Edge] = []

    def file(path: str, entry: Mapping[str, Any]) -> str:
        md5 = text(entry, "md5") or text(entry, "etag")
        name = dataset_name(repository, path, f"md5:{md5}" if md5 else "", place="files")
        facts = {"size": entry["size"]} if isinstance(entry.get("size"), int) else {}
        sha = event.get("held", {}).get(path, "")
        nodes.append(StatedNode(name, facts | ({f"digest {sha}": "dvc"} if sha else {})))
        for known in filter(None, (f"md5:{md5}" if md5 else "", sha)):
            content, there, back = content_edges(name, known)
            nodes.append(content)
            edges.extend((there, back))
        return name

    for path, entry in _outs(event):
        file(path, entry)
    for path, members in _manifests(event):
        whole = file(path, {"md5": members[0]})
        for member in objects(members[1]):
            inside = posixpath.join(path, text(member, "relpath"))
            edges.append(Edge(file(inside, member), whole, "member"))
    for folder, stage, entry in _stages(event):
        _read_stage(event, folder, stage, entry, file, nodes, edges)
    for artifact, path in _artifacts(event):
        if event.get("revision"):
            at_commit = dataset_name(repository, artifact, f"git:{event['revision']}", place="files")
            pinned = [entry for out, entry in _all_outs(event) if out == path]
            edges += [Edge(file(path, entry), at_commit, "artifact") for entry in pinned[:1]]
    return Statement(stamp=f"#{digest[-16:]}", nodes=tuple(nodes), edges=unique(edges))


def _read_stage(
    event: Mapping[str, Any],
    folder: str,
    stage: str,
    entry: Mapping[str, Any],
    file: Any,
    nodes: list[StatedNode],
    edges: list[Edge],
) -> None:
    """One stage of dvc.lock, which DVC writes only when the stage has succeeded."""
    job = job_name(event["repository"], posixpath.join(folder, stage))
    key = uuid.uuid5(uuid.NAMESPACE_URL, job + canonical_json(entry).decode())
    run = run_name(str(key))
    code = {}
    for dependency in objects(entry.get("deps", [])):
        path = posixpath.normpath(posixpath.join(folder, text(dependency, "path")))
        if _CODE.search(path):
            code[path] = text(dependency, "md5")
        else:
            edges.append(Edge(file(path, dependency), run, "input"))
    for out in objects(entry.get("outs", [])):
        path = posixpath.normpath(posixpath.join(folder, text(out, "path")))
        edges.append(Edge(run, file(path, out), "output"))
    facts = {"state": "COMPLETE", "job": job, "code": code, "params": entry.get("params", {})}
    if event.get("revision"):
        facts["code_revision"] = event["revision"]
        edges.append(Edge(f"commit:{event['revision']}", run, "code"))
    nodes += [StatedNode(job, {"command": str(entry.get("cmd", ""))[:500]}), StatedNode(run, facts)]
    edges.append(Edge(job, run, "job"))


def _outs(event: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(path in the repository, entry) of everything that `.dvc` files pin."""
    for name, content in event["files"].items():
        if name.endswith(".dvc"):
            for out in objects(_parsed(content, name).get("outs", [])):
                yield posixpath.normpath(posixpath.join(posixpath.dirname(name), text(out, "path"))), out


def _all_outs(event: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from _outs(event)
    for folder, _stage, entry in _stages(event):
        for out in objects(entry.get("outs", [])):
            yield posixpath.normpath(posixpath.join(folder, text(out, "path"))), out


def _manifests(event: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, Any]]]:
    """(path of the directory, (its hash, its members)) of every manifest whose directory is pinned."""
    pinned = {text(entry, "md5"): path for path, entry in _all_outs(event)}
    for name, content in event["files"].items():
        if _MANIFEST.search(name):
            key = name.rpartition("/")[2].removesuffix(".json")
            if key in pinned:
                yield pinned[key], (key, json.loads(content))


def _stages(event: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for name, content in event["files"].items():
        if name.endswith("dvc.lock"):
            stages = _parsed(content, name).get("stages", {})
            for stage, entry in stages.items() if isinstance(stages, Mapping) else ():
                if isinstance(entry, Mapping):
                    yield posixpath.dirname(name), str(stage), entry


def _artifacts(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, content in event["files"].items():
        if name.endswith("dvc.yaml"):
            artifacts = _parsed(content, name).get("artifacts", {})
            for artifact, entry in artifacts.items() if isinstance(artifacts, Mapping) else ():
                if isinstance(entry, Mapping) and text(entry, "path"):
                    yield str(artifact), posixpath.normpath(posixpath.join(posixpath.dirname(name), entry["path"]))


def _parsed(content: str, place: str) -> Any:
    try:
        return yaml_files.loads(content)
    except ValueError as error:
        raise LineageRefusedError(f"The file is not YAML: {str(error)[:200]}", field=place) from None


def _require_manifest(name: str, content: str, place: str) -> None:
    """A manifest is named by its own MD5, so a changed one is seen."""
    found = hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()
    try:
        members = strict_json.loads(content)
    except ValueError as error:
        raise LineageRefusedError(f"The manifest is not JSON: {error}", field=place) from None
    if not isinstance(members, list):
        raise LineageRefusedError("A directory manifest is a JSON list.", field=place)
    if found != name.rpartition("/")[2].partition(".")[0]:
        raise LineageRefusedError(f"The manifest has the MD5 {found}, which is not its name.", field=place)
