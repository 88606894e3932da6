"""Git commits and the tags by which GTO registers artifacts (https://github.com/iterative/gto).

Events are `{"repository", "commit", "at", "subject"}` for a commit, and with `"tag"` for a tag. Names and addresses of
people stay in Git: which code it was and when is all that lineage asks.
GTO's tags: `name@v1` registers, `name@v1!` deregisters, `name#stage#2` assigns, `name#stage!#3` unassigns. Other tags
are kept as facts without a meaning of ours.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from registry.connectors.shapes import require_moment, require_object, require_text, text
from registry.connectors.statements import LineageRefusedError, StatedNode, Statement, dataset_name, stamp
from registry.lineage import Edge

FORMAT = "git"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_VERSION = re.compile(r"(?P<name>[^@#!]+)@(?P<version>[^@#!]+)(?P<gone>!?)")
_STAGE = re.compile(r"(?P<name>[^@#!]+)#(?P<stage>[^@#!]+)(?P<gone>!?)(?:#(?P<number>\d+))?")
_BETWEEN = "\x1f"


def collect(folder: Path, *, repository: str, most: int = 10_000) -> Iterator[dict[str, Any]]:
    """Commits (newest `most`) and tags of the repository at `folder`. Raises LineageRefusedError when it is none."""
    for line in _git(folder, "log", f"--max-count={most}", f"--format=%H{_BETWEEN}%cI{_BETWEEN}%s"):
        commit, at, subject = line.split(_BETWEEN, 2)
        yield {"repository": repository, "commit": commit, "at": at, "subject": subject}
    fields = ("refname:short", "*objectname", "objectname", "creatordate:iso-strict", "contents:subject")
    for line in _git(folder, "for-each-ref", "refs/tags", f"--format={_BETWEEN.join(f'%({name})' for name in fields)}"):
        tag, peeled, direct, at, subject = line.split(_BETWEEN, 4)
        yield {"repository": repository, "commit": peeled or direct, "at": at, "subject": subject, "tag": tag}


def validate(event: Any, place: str = "") -> None:
    """Raises LineageRefusedError naming the member at fault."""
    given = require_object(event, place)
    require_text(given, "repository", place)
    require_moment(given, "at", place)
    if not _COMMIT.fullmatch(require_text(given, "commit", place)):
        raise LineageRefusedError("must be the whole hash of a commit", field=f"{place}commit")
    if "tag" in given:
        require_text(given, "tag", place)


def read(event: Mapping[str, Any], digest: str) -> Statement:
    """The commit as code, and what GTO's tag says of an artifact."""
    at = require_moment(event, "at")
    mark = stamp(at, 0, digest)
    if "tag" not in event:
        facts = {
            "committed_at": event["at"],
            "subject": text(event, "subject")[:200],
            "repository": event["repository"],
        }
        return Statement(stamp=mark, nodes=(StatedNode(f"commit:{event['commit']}", facts),))
    return _tagged(event, mark)


def _tagged(event: Mapping[str, Any], mark: str) -> Statement:
    tag, repository = event["tag"], event["repository"]
    version, stage = _VERSION.fullmatch(tag), _STAGE.fullmatch(tag)
    name = (version or stage or {"name": tag})["name"]
    at_commit = dataset_name(repository, name, f"git:{event['commit']}", place="tag")
    if version:
        released = dataset_name(repository, name, version["version"], place="tag")
        facts = {"registered": not version["gone"], "code_revision": event["commit"]}
        return Statement(
            stamp=mark,
            nodes=(StatedNode(at_commit), StatedNode(released, facts)),
            edges=(Edge(at_commit, released, "tagged"),),
        )
    said = {f"stage {stage['stage']}": None if stage["gone"] else event["at"]} if stage else {f"tag {tag}": event["at"]}
    return Statement(stamp=mark, nodes=(StatedNode(at_commit, said),))


def _git(folder: Path, *arguments: str) -> Iterator[str]:
    """Lines of Git's answer. It runs without hooks and settings of the repository's own choosing."""
    command = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-C", str(folder), *arguments)
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise LineageRefusedError(f"Git cannot read {folder.name}: {error}", field="path") from None
    yield from done.stdout.decode(errors="replace").splitlines()
