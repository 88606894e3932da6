"""What goes into the evidence bundle of a decision."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audits.frameworks import oscal
from audits.frameworks.catalogue import Catalogue
from audits.reports import bundle
from audits.reports.document import ReportDocument, plain
from audits.reports.formats import FORMATS
from audits.reports.render import SUMMARY, Document, evidence_bytes, render_html
from audits.reports.schemas import SCHEMAS, schema_of
from governance.decisions import receipt_of_decision
from governance.models import GateDecision
from governance.reports import issuing
from registry import dsse
from registry.keys import Purpose
from registry.notes import Receipt
from registry.signing import keyring

_CLIENTS = Path(__file__).resolve().parents[2] / "clients"
SUMMARY_FILE = "summary.pdf"
_VERIFIERS = tuple(sorted(path.name for path in _CLIENTS.glob("assay_*.py") if path.name != "assay_gate.py"))

VERIFY = """\
# How to verify this bundle

You need Python 3.11 or later, `pip install pyhanko` and `ca.pem`, the root certificate of the organisation that sealed
it. **Take `ca.pem` and, if you can, the programs `assay_*.py` from somewhere else than this bundle**: a forger would
have put their own in here.

    python assay_verify.py bundle.zip --trust ca.pem
    python assay_verify.py report.pdf --trust ca.pem --keys keys.json
    python assay_verify.py decision.dsse.json --keys keys.json --receipt decision.tlog-proof

Each answers 0 authentic, 1 tampered, 2 cannot be verified. The first says whether every file is the one that was
packed. The second checks the seal of the report, its ledger proofs and the reviewers' signatures, and computes the
figures again from the counts. The third checks the signed decision of the gate.

Without our programs: `MANIFEST.dsse.json` is a DSSE envelope around an in-toto statement (SHA-256 of each file), signed
with the key of the first certificate in `MANIFEST.chain.pem`, which must lead to `ca.pem`. When the report was sealed,
and that no certificate of it was revoked then, OpenSSL tells:

    openssl ts -verify -token_in -in seal.tst -data seal.signature -CAfile ca.pem -untrusted seal.chain.pem
    openssl verify -crl_check_all -CAfile ca.pem -untrusted seal.chain.pem -CRLfile seal.crls.pem seal.chain.pem

Once certificates have expired, both take `-attime` with the second of the timestamp (`date -d … +%s`), which
`openssl ts -reply -token_in -in seal.tst -token_out -text` shows. `report.pdf` holds the same parts within itself.

| file | what it is |
|---|---|
| report.pdf | the sealed report, PDF/A-3a, with evidence.json embedded |
| evidence.json | every fact and number of the report; the digest of it stands on each page of the PDF |
| evidence.schema.json | what evidence.json holds, as JSON Schema |
| report.html, report.md | the same report for a browser, and short |
| summary.pdf, summary.html | the same on one page, sealed too, for those who decide about money and people |
| results.sarif, junit.xml | the findings for code scanning and test reports |
| oscal-catalog.json | the controls as of the day of the report, OSCAL |
| oscal-assessment-results.json | what the evidence says about them, OSCAL |
| bom.cdx.json | bill of materials of the model with declarations, CycloneDX 1.6 |
| model-card.md, model-card.json | model cards: Hugging Face, Model Card Toolkit |
| decision.dsse.json, decision.sigstore.json | the signed decision of the gate, alone and as a Sigstore bundle |
| summary.dsse.json | the decision as a SLSA verification summary |
| decision.tlog-proof | the proof that the ledger tells of the decision |
| checkpoint | the signed head of the ledger that this proof leads to, a C2SP note |
| seal.p7s, seal.signature | the signature of report.pdf as CMS, and its bare value |
| seal.tst | the RFC 3161 timestamp of that value |
| seal.chain.pem, seal.crls.pem | the certificates and revocation lists by which seal and timestamp are judged |
| keys.json | the public keys of the service, for information only |
"""

VERIFY_DOCUMENT = """\
# How to verify this bundle

You need Python 3.11 or later, `pip install pyhanko` and `ca.pem`, the root certificate of the organisation that sealed
it. **Take `ca.pem` and, if you can, the program from somewhere else than this bundle.**

    python assay_bundle.py bundle.zip --trust ca.pem

says whether every file is the one that was packed: 0 authentic, 1 tampered, 2 cannot be verified. `document.pdf` is
sealed and PDF/A-3a; how to check its seal with common tools stands on its last page. `evidence.json` is what it says
for machines, and its SHA-256 stands on each page; `evidence.schema.json` is the JSON Schema that it follows. The files
`seal.*` are the parts of the seal for OpenSSL: signature, timestamp, certificates, revocation lists.
"""


def pack(document: ReportDocument, *, sealed: bytes, decision: GateDecision) -> bytes:
    """The bundle of one report. Raises what its formats raise: what cannot be told in all forms is not issued."""
    catalog = oscal.catalog(Catalogue.load(), document.identity.as_of)
    files = {made.file: made.render(document).encode() for made in FORMATS.values()}
    files |= {name: (_CLIENTS / name).read_bytes() for name in _VERIFIERS}
    files |= {
        "report.pdf": sealed,
        SUMMARY_FILE: issuing.sealed_pdf(document, SUMMARY),
        "decision.dsse.json": json.dumps(decision.envelope, sort_keys=True).encode(),
        "decision.sigstore.json": json.dumps(dsse.sigstore_bundle(decision.envelope), sort_keys=True).encode(),
        **_since_receipts(decision),
        **_apart(sealed),
        "keys.json": json.dumps(keyring().published_keys(), sort_keys=True, indent=1).encode(),
        "oscal-catalog.json": json.dumps(catalog, ensure_ascii=False, indent=1).encode(),
        "evidence.schema.json": json.dumps(SCHEMAS["report"](), indent=1).encode(),
        "VERIFY.md": VERIFY.encode(),
    }
    facts = {
        "model": document.subject.model,
        "version": document.subject.version,
        "artifact": document.subject.digest,
        "decision": document.decision.digest,
    }
    return _written(document, files, facts)


def pack_document(document: Document, *, sealed: bytes, facts: Mapping[str, Any], markdown: str = "") -> bytes:
    """The bundle of any other document: the sealed file, its evidence, and its forms for a browser and for reading."""
    files = {
        "document.pdf": sealed,
        "evidence.json": evidence_bytes(document),
        "evidence.schema.json": json.dumps(schema_of(document.to_evidence()), indent=1).encode(),
        "document.html": render_html(document).encode(),
        **{name: (_CLIENTS / name).read_bytes() for name in _VERIFIERS},
        **_apart(sealed),
        "VERIFY.md": VERIFY_DOCUMENT.encode(),
    }
    if markdown:
        files["document.md"] = markdown.encode()
    return _written(document, files, facts)


def _written(document: Document, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> bytes:
    identity = document.identity
    told = {
        "report": identity.number,
        "generated_at": plain(identity.generated_at),
        "law_as_of": identity.as_of.isoformat(),
        **facts,
    }
    return bundle.write(files, facts=told, key=keyring().seal_key, chain=keyring().chains[Purpose.SEAL])


def _since_receipts(decision: GateDecision) -> dict[str, bytes]:
    """What decisions have had since receipts came."""
    receipt = receipt_of_decision(decision)
    if receipt is None:
        return {}
    return {
        "summary.dsse.json": json.dumps(decision.summary, sort_keys=True).encode(),
        "decision.tlog-proof": receipt.encode(),
        "checkpoint": Receipt.parse(receipt).checkpoint.encode(),
    }


def _apart(sealed: bytes) -> dict[str, bytes]:
    """The parts of the seal as files. Like sealing, for workers only."""
    from audits.reports.seal_parts import parts_of  # noqa: PLC0415

    return parts_of(sealed)
