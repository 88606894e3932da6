#!/usr/bin/env python3
"""Register your own model over the API, ask for its promotion, and tell what the checks found.

    export ASSAY_TOKEN=…        # scopes registry:write, promotion:request and gate:read
    python examples/promote.py --url http://127.0.0.1:8000 --model tumour-triage --risk minimal --stage production \
        --artifact out/model.skops --train out/train.csv --evaluation out/evaluation.csv \
        --target malignant --positive 1

Standard library only: take it and change it. What is there already stays as it is, so a call that broke off can be
repeated. Exit status: 0 the checks are through and people are asked, 1 findings hold it back, 2 it could not be asked.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

IN_REVIEW, HELD_BACK, NOT_ASKED = 0, 1, 2
POLL_SECONDS = 2.0
THERE_ALREADY = {"duplicate", "request-open-already"}


class RefusedError(Exception):
    """The service refused; the message is its own sentence with the field it names."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        field = f" (field {problem['field']})" if problem.get("field") else ""
        super().__init__(f"{problem.get('detail') or problem.get('title') or status}{field}")
        self.code = problem.get("code")


class Service:
    """The API of one installation, spoken to with one token."""

    def __init__(self, url: str, token: str) -> None:
        self._root = url.rstrip("/") + "/api/v1/"
        self._token = token

    def ask(self, method: str, path: str, body: object = None, media_type: str = "application/json") -> dict[str, Any]:
        """The JSON that answers. Raises RefusedError with what the service says is wrong."""
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": media_type}
        call = urllib.request.Request(  # noqa: S310 - the address is the caller's own service
            urllib.parse.urljoin(self._root, path), data=content, headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(call, timeout=60) as answer:  # noqa: S310
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            raise RefusedError(error.code, _problem(error)) from error

    def make(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """What was made, or None where the same is there already."""
        try:
            return self.ask("POST", path, body)
        except RefusedError as error:
            if error.code not in THERE_ALREADY:
                raise
            return None


def _problem(error: urllib.error.HTTPError) -> dict[str, Any]:
    try:
        found = json.load(error)
    except ValueError:
        return {"detail": f"The service answered {error.code} and no reason that can be read."}
    return found if isinstance(found, dict) else {}


def digest_of(path: Path) -> str:
    """`sha256:<hex>` of the file."""
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def columns_of(path: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Name, type and tags of each column of a CSV file with a header."""
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    tags = {name: ["sensitive"] for name in options.sensitive} | {options.target: ["target"]}
    return [
        {"name": name, "type": _type_of([row[place] for row in rows]), "tags": tags.get(name, ["feature"])}
        for place, name in enumerate(header)
    ]


def _type_of(cells: Sequence[str]) -> str:
    for name, read in (("integer", int), ("number", float)):
        try:
            for cell in cells:
                read(cell or "0")
        except ValueError:
            continue
        return name
    return "string"


def register_data(service: Service, options: argparse.Namespace, role: str, path: Path) -> str:
    """Declares and uploads one file; answers its name and number, as `tumour-triage-train/1`."""
    slug = f"{options.model}-{role}"
    service.make("datasets/", {"slug": slug, "name": f"{options.model}: {role}"})
    versions = f"datasets/{slug}/versions/"
    made = service.make(
        versions,
        {
            "digest": digest_of(path),
            "media_type": "text/csv",
            "columns": columns_of(path, options),
            "source": options.source,
            "licence": options.licence,
        },
    )
    if made is None:
        same = [held for held in service.ask("GET", versions)["results"] if held["digest"] == digest_of(path)]
        return f"{slug}/{same[0]['number']}"
    service.ask("PUT", f"{versions}{made['number']}/content/", path.read_bytes(), "text/csv")
    return f"{slug}/{made['number']}"


def register_version(service: Service, options: argparse.Namespace, datasets: dict[str, str]) -> int:
    """Declares the version, uploads its bytes, and answers its number."""
    features = [c["name"] for c in columns_of(options.evaluation, options) if "feature" in c["tags"]]
    versions = f"models/{options.model}/versions/"
    made = service.make(
        versions,
        {
            "artifact_digest": digest_of(options.artifact),
            "artifact_format": options.format,
            "signature": {
                "task": "binary_classification",
                "threshold": 0.5,
                "features": features,
                "target": options.target,
                "positive_label": options.positive,
            },
            "datasets": datasets,
        },
    )
    if made is None:
        held = service.ask("GET", versions)["results"]
        made = next(version for version in held if version["artifact_digest"] == digest_of(options.artifact))
    if not made["artifact_held"]:
        content = options.artifact.read_bytes()
        service.ask("PUT", f"{versions}{made['number']}/artifact/", content, "application/octet-stream")
    return int(made["number"])


def ask_for_promotion(service: Service, asked: dict[str, Any]) -> str:
    """The id of the request: a new one, or the one that is open already."""
    made = service.make("promotions/", asked)
    if made is None:
        query = urllib.parse.urlencode({"model": asked["model"], "page_size": 100})
        found = service.ask("GET", f"promotions/?{query}")["results"]
        made = next(one for one in found if (one["version"], one["to_stage"]) == (asked["version"], asked["to_stage"]))
    return str(made["id"])


def pause() -> None:
    """Between two questions."""
    time.sleep(POLL_SECONDS)


def measured(service: Service, promotion: str) -> dict[str, Any]:
    """The request once no check runs any more."""
    while True:
        found = service.ask("GET", f"promotions/{promotion}/")
        if found["state"] != "auditing":
            return found
        sys.stdout.write(".")
        sys.stdout.flush()
        pause()


def tell(found: dict[str, Any], options: argparse.Namespace) -> int:
    """Prints every finding, then who is missing; the exit status."""
    sys.stdout.write("\n")
    for finding in sorted(found["run"]["findings"], key=lambda each: str(each["outcome"])):
        sys.stdout.write(f"  {finding['outcome']:<14} {finding['explanation']}\n")
    for seat in found["gate_now"]["missing_reviews"]:
        sys.stdout.write(f"  still missing: {seat['role']}\n")
    sys.stdout.write(f"{found['state']}: {options.url.rstrip('/')}/promotions/{found['id']}/\n")
    return IN_REVIEW if found["state"] == "in_review" else HELD_BACK


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description="Register a model of your own and ask for its promotion")
    parser.add_argument("--url", required=True)
    parser.add_argument("--model", required=True, help="its slug, as tumour-triage")
    parser.add_argument("--purpose", default="An example of our own.", help="the intended purpose")
    parser.add_argument("--risk", default="minimal", choices=("minimal", "limited", "high"))
    parser.add_argument("--stage", required=True)
    parser.add_argument("--artifact", required=True, type=Path)
    parser.add_argument("--format", default="skops")
    parser.add_argument("--train", required=True, type=Path, help="CSV with a header")
    parser.add_argument("--evaluation", required=True, type=Path, help="CSV with a header")
    parser.add_argument("--target", required=True, help="the column to predict")
    parser.add_argument("--positive", required=True, type=int, help="the label that is predicted")
    parser.add_argument("--sensitive", nargs="*", default=[], help="columns by which groups are told apart")
    parser.add_argument("--source", default="", help="where the data come from")
    parser.add_argument("--licence", default="", help="SPDX id of the data's licence")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Register, ask, wait, tell."""
    options = parse(arguments)
    service = Service(options.url, os.environ.get("ASSAY_TOKEN", ""))
    try:
        about = {"slug": options.model, "name": options.model, "intended_purpose": options.purpose}
        service.make("models/", {**about, "risk_class": options.risk})
        datasets = {
            "train": register_data(service, options, "train", options.train),
            "evaluation": register_data(service, options, "evaluation", options.evaluation),
        }
        number = register_version(service, options, datasets)
        asked = {"model": options.model, "version": number, "to_stage": options.stage, "reason": "Ready to be judged."}
        return tell(measured(service, ask_for_promotion(service, asked)), options)
    except RefusedError as error:
        sys.stderr.write(f"refused: {error}\n")
    except (OSError, urllib.error.URLError) as error:
        sys.stderr.write(f"could not ask: {error}\n")
    return NOT_ASKED


if __name__ == "__main__":
    sys.exit(main())
