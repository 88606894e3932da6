#!/usr/bin/env python3
"""Check what Assay issued, without Assay.

    python assay_verify.py report.pdf --trust ca.pem [--keys keys.json] [--receipt R] [--checkpoint kept.note] [--json]
    python assay_verify.py bundle.zip --trust ca.pem
    python assay_verify.py explanation.pdf --trust ca.pem [--keys keys.json] [--receipt explanation.tlog-proof]
    python assay_verify.py explanation.json --keys keys.json --receipt explanation.tlog-proof
    python assay_verify.py decision.dsse.json --keys keys.json [--receipt decision.tlog-proof]
    python assay_verify.py review.tlog-proof --keys keys.json [--entry body.json]
    python assay_verify.py ledger.zip --keys keys.json [--checkpoint kept.note] [--receipt R]

The files assay_*.py lie in one folder; they need Python 3.11 or later and `pip install pyhanko` (which brings
`cryptography`). They talk to no network and write no file.

Exit codes: 0 authentic · 1 tampered: something disagrees, and the output says what · 2 cannot be verified: wrong
usage, an unreadable file, an issuer you do not trust, a missing library. Only 0 means that the file may be relied on.

Of a report is checked, in this order, each only after the one before it held:
 1. Exactly one seal, over every byte of the file, and the bytes are those that were sealed.
 2. The seal is a valid signature, forbids every change, leads to a certificate in --trust, was not revoked, and a
    timestamp authority that leads there too saw it in time; with --keys it is by a key that the service published.
 3. With --receipt, the ledger names the digest of this very file, signature and all.
 4. The evidence is taken out of the sealed file: every ledger entry is proven to be under the checkpoint; with --keys
    the log's signature on the checkpoint is checked; with --checkpoint the log's history is held against a
    checkpoint that was kept elsewhere.
 5. Every review that was signed with a security key is verified with that key.
 6. Every figure that the evidence states beside a table is computed again from the table, and every finding judged
    again from its figure; so are the bounds of intervals and the p-values that follow from tables. What no table can
    give is told aloud, with the reason.

Of an explanation to one person 1 to 3 are checked likewise, and that its words follow from its numbers.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import logging
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # the parts lie beside this file, however it is started

import assay_bundle
import assay_explanation
from assay_attestation import check_attestation, read_envelope
from assay_common import AUTHENTIC, TAMPERED, UNVERIFIABLE, VERDICTS, Outcome, TamperedError, UnverifiableError
from assay_export import CHECKPOINT, Export, check_export
from assay_keys import Keys
from assay_ledger import RECEIPT_HEADER, Receipt, check_ledger, check_receipt
from assay_numbers import check_numbers
from assay_reviews import check_reviews
from assay_seal import SCHEMA as REPORT
from assay_seal import check_bytes, check_seal, extract_evidence, require_published
from assay_trust import read_lists, read_roots

_WORDS = {
    AUTHENTIC: "AUTHENTIC: this {kind} is exactly as it was issued, and agrees with itself.",
    TAMPERED: "TAMPERED: do not rely on this {kind}.",
    UNVERIFIABLE: "CANNOT BE VERIFIED: this says nothing for or against the {kind}.",
}


def kind_of(path: Path) -> str:
    """What the file is, by its content. Raises UnverifiableError when it cannot be read."""
    if path.is_dir():
        return "ledger"
    try:
        with path.open("rb") as stream:
            lead = stream.read(1024)
    except OSError as error:
        raise UnverifiableError(f"{path} cannot be read: {error.strerror}") from None
    if lead.startswith(RECEIPT_HEADER.encode()):
        return "receipt"
    if lead.startswith(b"PK"):
        return "ledger" if Export(path).read(CHECKPOINT) is not None else "bundle"
    if not lead.lstrip().startswith(b"{"):
        return "report"
    return "explanation" if _is_explanation(path) else "decision"


def _is_explanation(path: Path) -> bool:
    try:
        assay_explanation.read_explanation(json.loads(path.read_bytes()))
    except (OSError, ValueError, UnverifiableError):
        return False
    return True


# -- One kind after the other -----------------------------------------------------------------------------------------
def _report(arguments: argparse.Namespace, outcome: Outcome) -> None:
    roots = read_roots(arguments.trust)
    keys = _keys(arguments)
    pdf = arguments.file.read_bytes()
    check_bytes(pdf)
    reader = check_seal(pdf, roots, outcome, read_lists(arguments.crl))
    sealed_at = dt.datetime.fromisoformat(outcome.facts["sealed_at"])
    if keys is not None:
        require_published(keys, outcome)
    evidence = extract_evidence(reader, (REPORT, assay_explanation.SCHEMA))
    if evidence["schema"] == assay_explanation.SCHEMA:
        _explained(evidence, arguments, keys, outcome)
        return
    decision = evidence.get("decision")
    outcome.facts["decision"] = decision.get("decision") if isinstance(decision, dict) else decision
    if arguments.receipt is None:
        outcome.skipped.append("that the ledger tells of this very file: give --receipt with its .tlog-proof")
    else:
        _require_file(evidence, check_receipt(_receipt(arguments), keys, Outcome()), outcome)
    check_ledger(evidence, keys, arguments.checkpoint, outcome, sealed_at)
    check_reviews(evidence, outcome)
    check_numbers(evidence, outcome)


def _explained(evidence: dict[str, Any], arguments: argparse.Namespace, keys: Keys | None, outcome: Outcome) -> None:
    """The sealed page for one person."""
    outcome.facts["kind"] = "explanation"
    if arguments.receipt is None:
        outcome.skipped.append("that the ledger tells of this very page: give --receipt with its .tlog-proof")
    else:
        entry = check_receipt(_receipt(arguments), keys, Outcome())
        assay_explanation.check_given(evidence, entry, outcome, outcome.facts["digest"])
    assay_explanation.check_explanation(evidence, outcome)


def _explanation(arguments: argparse.Namespace, outcome: Outcome) -> None:
    """The JSON alone: nothing but the ledger vouches for it."""
    document = assay_explanation.read_explanation(json.loads(arguments.file.read_bytes()))
    if arguments.receipt is None:
        raise UnverifiableError("the JSON of an explanation bears no seal: give its --receipt, or the sealed page")
    entry = check_receipt(_receipt(arguments), _keys(arguments), Outcome())
    assay_explanation.check_given(document, entry, outcome)
    assay_explanation.check_explanation(document, outcome)


def _require_file(evidence: Mapping[str, Any], entry: Mapping[str, Any], outcome: Outcome) -> None:
    """The ledger's digest is of the whole file, so it also covers what no signature does: the signature itself."""
    facts = entry.get("facts") or {}
    number = (evidence.get("report") or {}).get("number")
    if entry["event"] != "report.sealed" or facts.get("number") != number:
        told = facts.get("number") or entry["event"]
        raise TamperedError(f"the receipt is of another entry: it tells of {told}, and this is the report {number}")
    if facts.get("file") != outcome.facts["digest"]:
        raise TamperedError(
            f"the ledger tells of this report with the digest {facts.get('file')}: the file was changed"
        )
    outcome.held.append("the ledger names the digest of this very file")


def _bundle(arguments: argparse.Namespace, outcome: Outcome) -> None:
    if arguments.trust is None:
        raise UnverifiableError("a bundle is signed: give --trust with the root that you trust")
    files = assay_bundle.read(arguments.file)
    statement = assay_bundle.statement_of(files, arguments.trust.read_bytes())
    names = assay_bundle.compare(files, statement)
    outcome.held.append(f"{len(names)} files are as they were packed")
    outcome.skipped.append("the seal of report.pdf inside: take it out and check it on its own")
    outcome.facts["about"] = {key: value for key, value in statement["predicate"].items() if key != "sizes"}


def _decision(arguments: argparse.Namespace, outcome: Outcome) -> None:
    try:
        document = json.loads(arguments.file.read_bytes())
    except ValueError as error:
        raise UnverifiableError(f"{arguments.file} is not JSON: {error}") from None
    keys, entry = _keys(arguments), None
    envelope = read_envelope(document)
    if arguments.receipt is not None:
        entry = check_receipt(_receipt(arguments), keys, Outcome())
    check_attestation(envelope, keys, outcome, entry)


def _paper(arguments: argparse.Namespace, outcome: Outcome) -> None:
    body = arguments.entry.read_bytes() if arguments.entry else b""
    check_receipt(Receipt.read(arguments.file), _keys(arguments), outcome, body=body)


def _ledger(arguments: argparse.Namespace, outcome: Outcome) -> None:
    receipt = _receipt(arguments) if arguments.receipt else None
    check_export(Export(arguments.file), _keys(arguments), arguments.checkpoint, receipt, outcome)


_CHECKS: Mapping[str, Callable[[argparse.Namespace, Outcome], None]] = {
    "report": _report,
    "bundle": _bundle,
    "explanation": _explanation,
    "decision": _decision,
    "receipt": _paper,
    "ledger": _ledger,
}


def _keys(arguments: argparse.Namespace) -> Keys | None:
    return None if arguments.keys is None else Keys(arguments.keys)


def _receipt(arguments: argparse.Namespace) -> Receipt:
    return Receipt.read(arguments.receipt)


def verify(arguments: argparse.Namespace) -> Outcome:
    """Run all checks that belong to the kind of file; never raises."""
    outcome = Outcome(facts={"file": arguments.file.name, "kind": "file"})
    try:
        kind = kind_of(arguments.file)
        outcome.facts["kind"] = kind
        if arguments.file.is_file():
            with arguments.file.open("rb") as stream:
                outcome.facts["digest"] = f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
        _CHECKS[kind](arguments, outcome)
        outcome.exit_code = AUTHENTIC
    except TamperedError as error:
        outcome.exit_code, outcome.problem = TAMPERED, str(error)
    except UnverifiableError as error:
        outcome.problem = str(error)
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the answer is never "authentic"
        outcome.problem = f"the check itself failed on this file: {error!r}"
    return outcome


# -- The command ------------------------------------------------------------------------------------------------------
_TOLD = {
    "signer": "Sealed   by {}",
    "sealed_at": "         at {}",
    "decision": "Decision {}",
    "stage": "         for the stage {}",
    "artifact": "         of {}",
    "valid_until": "         until {}",
}


def _as_text(outcome: Outcome, paint: Callable[[str, str], str]) -> str:
    facts = outcome.facts
    kind = facts["kind"]
    lines = [f"{kind.capitalize():8} {facts['file']}"]
    if "digest" in facts:
        lines.append(f"Digest   {facts['digest']}")
    lines += [words.format(facts[name]) for name, words in _TOLD.items() if facts.get(name)]
    if facts.get("development"):
        lines.append(
            paint("33", "         This is a DEVELOPMENT seal: it proves integrity, not who issued the report.")
        )
    lines.append("")
    lines += [f"  {paint('32', 'ok     ')} {held}" for held in outcome.held]
    lines += [f"  {paint('33', 'skipped')} {_wrapped(skipped)}" for skipped in outcome.skipped]
    if outcome.problem:
        lines.append(f"  {paint('31', 'FAILED ')} {outcome.problem}")
    colour = {AUTHENTIC: "1;32", TAMPERED: "1;31", UNVERIFIABLE: "1;33"}[outcome.exit_code]
    return "\n".join([*lines, "", paint(colour, _WORDS[outcome.exit_code].format(kind=kind))])


def _wrapped(text: str) -> str:
    """Long lists of names in lines that a terminal holds, each below the first."""
    return textwrap.fill(text, 108, subsequent_indent=" " * 10, break_long_words=False, break_on_hyphens=False)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    description, _, details = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="assay_verify.py",
        description=description,
        epilog=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file", type=Path, help="report, explanation, evidence bundle, signed decision, receipt, exported ledger"
    )
    parser.add_argument("--trust", type=Path, help="PEM file with the root certificate you trust")
    parser.add_argument("--keys", type=Path, help="keys.json of the service: the keys, and the time of each")
    parser.add_argument("--receipt", type=Path, help="the .tlog-proof of the file's entry in the ledger")
    parser.add_argument("--checkpoint", type=Path, help="a checkpoint of the log that was kept elsewhere")
    parser.add_argument("--entry", type=Path, help="the body of the entry, where a receipt does not carry it")
    parser.add_argument("--crl", type=Path, action="append", default=[], help="a revocation list newer than the report")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Parse, verify, print; the answer is the exit code."""
    arguments = parser().parse_args(argv)
    logging.disable(logging.CRITICAL)  # the libraries' own words would only confuse the verdict
    outcome = verify(arguments)
    if arguments.json:
        answer = {"verdict": VERDICTS[outcome.exit_code], "problem": outcome.problem, **outcome.facts}
        answer |= {"held": outcome.held, "skipped": outcome.skipped}
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        coloured = sys.stdout.isatty()
        print(_as_text(outcome, lambda code, text: f"\x1b[{code}m{text}\x1b[0m" if coloured else text))
    return outcome.exit_code


if __name__ == "__main__":
    sys.exit(main())
