"""Whether what we write about law can be upheld: `python -m audits.frameworks.lint [FILE…]`, exit code 1 if not.

It reads templates, policies and documentation, and fails on a reference that the catalogue does not know or that is
repealed, on words that pronounce on conformity, on duties that people like to invent, and on a sentence about a duty
whose kind nobody stated. The kind stands in a comment of the same paragraph, with the controls that hold the duty:

    Art. 12(1) asks for logs over the lifetime of the system. <!-- law: required-by aia-12-1 -->

`required-by` needs controls that oblige; `supports` needs controls that are in force; `product-property` says what the
product does and `human-judgement` what only a person can decide: both need none. A paragraph that has to quote a bad
word carries `law: quoted` and a reason. Pure.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from audits.frameworks.catalogue import Catalogue, Control, Kind
from audits.frameworks.citations import NAMES, citations, controls_of, is_known
from audits.reports.parts import Claim

ROOT = Path(__file__).resolve().parents[2]
PLACES = (
    *("README.md", "THREAT_MODEL.md", "CHANGELOG.md", "docs/**/*.md", "templates/**/*.html", "locale/**/*.po"),
    *("governance/policy_library/*.yaml", "audits/reports/**/*.py", "governance/reports/*.py", "governance/law/*.py"),
    *("governance/dossiers/*.py", "governance/explanations.py", "audits/individuals.py"),
)
QUOTED = "quoted"
_CLAIMS = {claim.name.lower().replace("_", "-"): claim for claim in Claim}

_MARK = re.compile(r"(?:<!--|\{#|#)\s*law:\s*([a-z-]+)\s*((?:[a-z0-9][a-z0-9-]*(?:,\s*)?)*)")
_CONFORMITY = re.compile(
    r"\b(non-|un)?compliant\b|\bin conformity with\b|\bconforms? (with|to) the (law|AI Act|GDPR)\b"
    r"|\bcompl(y|ies) with the (law|AI Act|GDPR)\b|\bGDPR-ready\b"
    r"|\b(rechts|gesetzes|DSGVO-?|KI-VO-?)?konform(er|es|e|en|em)?\b"
    r"|\b(erfüllt|entspricht|genügt)\s+(den|die|der)\s+((Anforderungen|Vorgaben|Pflichten)\s+(der|des)\s+)?"
    r"(DSGVO|KI-VO|KI-Verordnung|Datenschutz-Grundverordnung|Gesetzes?)\b",
    re.IGNORECASE,
)
_OBLIGES = re.compile(
    r"\b(requires?|required|obliges?|obliged|demands?|prescribes?|asks for|forbids?|prohibits?|mandates?|must|shall"
    r"|verlangt|fordert|verbietet|verpflichtet|muss|müssen|schreibt \w+ vor)\b"
)
_INVENTED = (
    (re.compile(r"Art(\.|icle|ikel) ?52\b.*transparen|transparen.*Art(\.|icle|ikel) ?52\b", re.IGNORECASE | re.DOTALL),
     "the transparency duties are those of Article 50; 52 was the number in the draft"),
    (re.compile(r"Art(\.|icle|ikel) ?12\b.*(tamper|immutab|manipulationssicher)", re.IGNORECASE | re.DOTALL),
     "Article 12 asks for logging, not for tamper evidence"),
    (re.compile(r"(AI Act|GDPR|KI-VO|DSGVO)\b[^.]*(four-fifths|80 ?%|0\.8\b)", re.IGNORECASE),
     "no European law sets a numeric limit of fairness"),
)  # fmt: skip
#: A full stop after one of these ends no sentence.
_ABBREVIATED = re.compile(r"\b(Art|Rec|No|Nr|Abs|e\.g|i\.e|z\.B|vgl|bzw|ff|cf)\.$")


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing that cannot be upheld, and where it stands."""

    path: str
    line: int
    problem: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.problem}"


def defects(text: str, path: str, catalogue: Catalogue) -> Iterator[Defect]:
    """What is wrong with a text, in the order of its paragraphs."""
    for line, paragraph in _paragraphs(text):
        yield from (Defect(path, line, problem) for problem in _problems(paragraph, catalogue))


def _paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """Runs of lines that are not empty, each with the number of its first line."""
    begun, lines = 0, list[str]()
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        if line.strip(" #\t>*"):
            begun = begun or number
            lines.append(line)
        elif lines:
            yield begun, "\n".join(lines)
            begun, lines = 0, []


def _problems(paragraph: str, catalogue: Catalogue) -> Iterator[str]:
    marks = [(found[1], tuple(re.findall(r"[a-z0-9][a-z0-9-]*", found[2]))) for found in _MARK.finditer(paragraph)]
    said = _MARK.sub("", paragraph)
    if QUOTED in (kind for kind, _ in marks):
        return
    yield from _mark_problems(marks, said, catalogue)
    found = _CONFORMITY.search(said)
    if found:
        yield f"“{found[0]}” pronounces on conformity; say what the evidence supports"
    yield from (f"invented duty: {why}" for pattern, why in _INVENTED if pattern.search(said))
    typed = any(kind in _CLAIMS for kind, _ in marks)
    for sentence in _sentences(said):
        yield from _reference_problems(sentence, catalogue)
        if not typed and _OBLIGES.search(sentence) and _names_law(sentence):
            yield f"states a duty without its kind (law: …): “{' '.join(sentence.split())[:90]}”"


def _mark_problems(marks: list[tuple[str, tuple[str, ...]]], said: str, catalogue: Catalogue) -> Iterator[str]:
    for kind, names in marks:
        if kind not in _CLAIMS:
            yield f"law: {kind} is no kind of claim ({', '.join(_CLAIMS)})"
            continue
        unknown = [name for name in names if name not in catalogue.by_id]
        yield from (f"{name} is not a control of the catalogue" for name in unknown)
        controls = [catalogue.by_id[name] for name in names if name in catalogue.by_id]
        yield from (f"{control.id} is repealed" for control in controls if control.latest.repealed)
        if _CLAIMS[kind] in (Claim.REQUIRED_BY, Claim.SUPPORTS) and not names:
            yield f"law: {kind} names no control"
        if _CLAIMS[kind] is Claim.REQUIRED_BY:
            free = [control for control in controls if control.kind not in (Kind.DUTY, Kind.CLASSIFICATION)]
            yield from (f"{control.id} obliges nobody: it is {control.kind}" for control in free)
            yield from _misplaced(controls, said, catalogue)


def _misplaced(controls: list[Control], said: str, catalogue: Catalogue) -> Iterator[str]:
    """A paragraph that cites something, claimed for controls that stand elsewhere."""
    cited = {control.id for citation in citations(said) for control in controls_of(citation, catalogue)}
    elsewhere = [control.id for control in controls if control.id not in cited] if cited else []
    yield from (f"{name} is not at a place that the text cites" for name in elsewhere)


def _reference_problems(sentence: str, catalogue: Catalogue) -> Iterator[str]:
    for citation in citations(sentence):
        controls = controls_of(citation, catalogue)
        where = f"{citation.framework} " if citation.framework else ""
        if not is_known(citation, catalogue):
            yield f"{where}{citation.text} is not a reference that the catalogue knows"
        elif controls and all(control.latest.repealed for control in controls) and "repeal" not in sentence:
            successors = {name for control in controls for name in control.latest.successors}
            instead = ", ".join(sorted(catalogue.control(name).reference for name in successors))
            yield f"{where}{citation.text} is repealed; see {instead}"


def _names_law(sentence: str) -> bool:
    return any(True for _ in citations(sentence)) or any(name in sentence for names in NAMES.values() for name in names)


def _sentences(text: str) -> Iterator[str]:
    begun = 0
    for end in re.finditer(r"[.!?](?=\s|$)|\n\s*[-*|]", text):
        if _ABBREVIATED.search(text[begun : end.end()]):
            continue
        yield text[begun : end.end()]
        begun = end.end()
    if text[begun:].strip():
        yield text[begun:]


def shipped_files(root: Path = ROOT) -> list[Path]:
    """Everything that we write and people read: templates, policies, documentation, translations."""
    return sorted({path for pattern in PLACES for path in root.glob(pattern) if path.is_file()})


def check(paths: Iterable[Path], root: Path = ROOT) -> list[Defect]:
    """The defects of these files. A file that cannot be read as UTF-8 is one."""
    catalogue, found = Catalogue.load(), list[Defect]()
    for path in paths:
        name = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
        try:
            found += defects(path.read_text(encoding="utf-8"), name, catalogue)
        except (OSError, UnicodeDecodeError) as error:
            found.append(Defect(name, 0, f"cannot be read: {error}"))
    return found


def main(arguments: list[str] | None = None) -> int:
    """Check the files given, or all that ship; 1 when something cannot be upheld."""
    parser = argparse.ArgumentParser(description="Check what is written about law.")
    parser.add_argument("files", nargs="*", type=Path)
    files = parser.parse_args(arguments).files or shipped_files()
    found = check([path.resolve() for path in files])
    sys.stdout.writelines(f"{defect}\n" for defect in found)
    sys.stdout.write(f"{len(files)} files, {len(found)} defects\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
