"""What a reader has on the desk: a sealed report over a small ledger, the root certificate, the published keys."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from weasyprint import HTML, Attachment

import assay_verify
from assay_common import Outcome
from audits.checks._cells import Cells, CellTable
from audits.checks._groups import Compared, Comparison, compare_groups
from audits.counting.question import Tally
from audits.reports.seal import seal_pdf
from registry.canonical import canonical_json
from registry.keys import DEVELOPMENT_ORIGIN, Keyring
from registry.merkle import append_nodes, consistency_proof, inclusion_proof, leaf_hash, root
from registry.notes import Checkpoint, Receipt, sign_checkpoint

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
AUTHENTIC, TAMPERED, UNVERIFIABLE = 0, 1, 2
NUMBER = "AR-20261121-0000ABCD"


class Log:
    """A small ledger of numbered entries, or of those given."""

    def __init__(self, size: int, changed: int = -1, told: Sequence[dict[str, Any]] = ()) -> None:
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.bodies = [canonical_json(entry) for entry in told] or [self.body(n, changed) for n in range(size)]
        for number, body in enumerate(self.bodies):
            leaf = leaf_hash(body)
            self.nodes.update({(level, at): value for level, at, value in append_nodes(number, leaf, self.read)})

    def receipt(self, index: int, keyring: Keyring, *, body: bytes | None = None) -> str:
        """The `.tlog-proof` of an entry, which carries it unless it is b""."""
        size = len(self.bodies)
        proof = tuple(inclusion_proof(index, size, self.read))
        carried = self.bodies[index] if body is None else body
        return Receipt(index, proof, self.note(size, keyring), carried).text

    def export(self, folder: Path, keyring: Keyring) -> Path:
        """As the API serves it: checkpoint, bundle of entries, tile of hashes (of a log of one tile)."""
        size = len(self.bodies)
        (folder / "tile/entries/000.p").mkdir(parents=True)
        (folder / "tile/0/000.p").mkdir(parents=True)
        (folder / "checkpoint").write_text(self.note(size, keyring))
        bundle = b"".join(len(body).to_bytes(2, "big") + body for body in self.bodies)
        (folder / f"tile/entries/000.p/{size}").write_bytes(bundle)
        (folder / f"tile/0/000.p/{size}").write_bytes(b"".join(self.read(0, at) for at in range(size)))
        return folder

    def read(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]

    @staticmethod
    def body(number: int, changed: int = -1) -> bytes:
        return b'{"event":"%s","n":%d}' % (b"rewritten" if number == changed else b"review.recorded", number)

    def note(self, size: int, keyring: Keyring) -> str:
        return sign_checkpoint(Checkpoint(DEVELOPMENT_ORIGIN, size, root(size, self.read)), keyring.ledger)


LOG = Log(30)
# (group, label, prediction, count): women 10 of 40 selected, men 30 of 60.
COUNTS = [("f", 1, 1, 8), ("f", 1, 0, 12), ("f", 0, 1, 2), ("f", 0, 0, 18), ("m", 1, 1, 24), ("m", 1, 0, 6),
          ("m", 0, 1, 6), ("m", 0, 0, 24)]  # fmt: skip
STATED = [
    ("selection_rate", "", "", 0.4),
    ("accuracy", "", "", 0.74),
    ("group_size", "sex", "f", 40.0),
    ("selection_rate", "sex", "f", 0.25),
    ("selection_rate", "sex", "m", 0.5),
    ("true_positive_rate", "sex", "f", 0.4),
    ("true_positive_rate", "sex", "m", 0.8),
    ("false_positive_rate", "sex", "m", 0.2),
    ("precision", "sex", "f", 0.8),
    ("negative_predictive_value", "sex", "f", 0.6),
    ("prevalence", "sex", "f", 0.5),
    ("accuracy", "sex", "m", 0.8),
    ("selection_rate_difference", "sex", "f", -0.25),
    ("selection_rate_ratio_to_rest", "sex", "f", 0.5),
    ("demographic_parity_difference", "sex", "", 0.25),
    ("selection_rate_ratio", "sex", "", 0.5),
    ("equal_opportunity_difference", "sex", "", 0.4),
    ("predictive_equality_difference", "sex", "", 0.1),
    ("equalized_odds_difference", "sex", "", 0.4),
    ("predictive_parity_difference", "sex", "", 0.0),
    ("accuracy_equality_difference", "sex", "", 0.15),
]


@cache
def compared() -> Compared:
    """What the service makes of the counts."""
    groups: dict[str, dict[tuple[int | None, int | None], Tally]] = {}
    for group, label, prediction, count in COUNTS:
        groups.setdefault(group, {})[label, prediction] = Tally(count, count, count)
    table = CellTable({"sex": {group: Cells(cells) for group, cells in groups.items()}})
    return compare_groups(table, Comparison())


def stated() -> list[dict[str, Any]]:
    """The figures above, each with its rows and its interval."""
    found = {(value.metric, value.feature, value.group): asdict(value) for value in compared().values}
    return [{**found[metric, feature, group], "value": value} for metric, feature, group, value in STATED]


def measured() -> dict[str, Any]:
    """The tables beside them; one group is compared by one rate, so its test is a family of its own."""
    cells, tests = (compared().tables[name] for name in ("cells", "tests"))
    p_value = next(row[3] for row in tests.rows if row[1:3] == ("selection_rate", "f"))
    tables = {
        "cells": {"columns": list(cells.columns), "rows": [list(row) for row in cells.rows]},
        "tests": {"columns": list(tests.columns), "rows": [["sex", "selection_rate", "f", *[p_value] * 3]]},
    }
    return {"tables": tables}


def evidence_of(keyring: Keyring, size: int = 23) -> dict[str, Any]:
    entries = [
        {
            "index": index,
            "body": base64.b64encode(LOG.body(index)).decode(),
            "proof": [sibling.hex() for sibling in inclusion_proof(index, size, LOG.read)],
        }
        for index in (0, 11, size - 1)
    ]
    consistency = [
        {"old": 8, "new": size, "proof": [sibling.hex() for sibling in consistency_proof(8, size, LOG.read)]}
    ]
    tomorrow = {"metric": "a_metric_of_tomorrow", "value": 0.1, "n": 1, "feature": "", "group": ""}
    return {
        "schema": "assay.report/1",
        "decision": {"decision": "open"},
        "observations": [
            {"check": "fairness.group_metrics", "check_version": "4", **measured(), "values": [*stated(), tomorrow]}
        ],
        "findings": [],
        "reviews": [],
        "report": {"number": NUMBER},
        "ledger": {"checkpoint": LOG.note(size, keyring), "entries": entries, "consistency": consistency},
    }


def pdf_of(evidence: Any, name: str = "evidence.json") -> bytes:
    attachment = Attachment(string=json.dumps(evidence), name=name, relationship="Data", created=NOW, modified=NOW)
    figures = "".join(f"<p>{figure}</p>" for figure in _figures(evidence))
    page = f"<html lang=en><title>Report</title><h1>Report</h1><p>Victor and Vera approve.</p>{figures}</html>"
    return bytes(HTML(string=page).write_pdf(attachments=[attachment]))


def _figures(evidence: Any) -> Iterator[str]:
    """The first figures of each check, as a report prints them."""
    for observation in evidence.get("observations", ()) if isinstance(evidence, dict) else ():
        for value in observation["values"][:10]:
            yield f"{value['metric']} {value['value']}"


@dataclass
class Desk:
    """What a reader has: a folder with the root certificate and the published keys."""

    folder: Path
    keyring: Keyring
    report: bytes

    def verify(self, content: bytes, *options: str) -> Outcome:
        return self.check("report.pdf", content, "--trust", str(self.folder / "ca.pem"), *options)

    def check(self, name: str, content: bytes | str, *options: str) -> Outcome:
        """The verdict on a file of any kind."""
        return self.look(self.put(name, content), *options)

    def look(self, path: Path | str, *options: str) -> Outcome:
        """The verdict on what lies there."""
        return assay_verify.verify(assay_verify.parser().parse_args([str(path), *options]))

    def put(self, name: str, content: bytes | str) -> str:
        """A file on the desk."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def verify_evidence(self, evidence: Any, *options: str) -> Outcome:
        return self.verify(seal_pdf(pdf_of(evidence), keyring=self.keyring, reason="Report"), *options)

    def keep(self, note: str) -> str:
        return self.put("kept.note", note)

    @property
    def keys(self) -> str:
        return str(self.folder / "keys.json")
