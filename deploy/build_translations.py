"""Brings the translation files up to date and compiles them: `deploy/run python -m deploy.build_translations`.

Messages are read from the templates and the Python sources, so no gettext tools are needed. A new message is added
without a translation, one that nothing says any more is dropped, and `locale/*/LC_MESSAGES/*.mo`, which ship with the
product, are written anew: a bare machine compiles nothing. A further language is a further folder.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polib
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[1]
LOCALE = ROOT / "locale"
#: Who speaks to readers: reports and reviewer pages. Machine-readable forms stay English.
SOURCES = (
    *("audits/reports/**/*.py", "governance/pages/*.py", "governance/models/*.py", "registry/tongue.py"),
    *("registry/admin/*.py", "audits/admin.py", "governance/admin/*.py", "governance/service/unfold.py", "*/apps.py"),
)
TEMPLATES = ("templates/**/*.html", "templates/reports/report.css")
_SINGLE = {"_", "gettext", "gettext_noop", "gettext_lazy"}
_IN_TEMPLATES = re.compile(
    r"""\b(?P<call>n?p?gettext)\(\s*(?P<arguments>u?(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')(?:\s*,\s*u?(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))*)"""
    r"""|\b_\((?P<plain>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\)""",
)


@dataclass(frozen=True, slots=True, order=True)
class Message:
    """One message: its English text, its plural where it has one, and what tells it from others that read alike."""

    text: str
    plural: str = ""
    context: str = ""


def in_python(source: str) -> Iterator[Message]:
    """The messages of a Python source."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        said = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        if node.func.id in _SINGLE and said:
            yield Message(said[0])
        elif node.func.id in {"ngettext", "ngettext_lazy"} and len(said) > 1:
            yield Message(said[0], plural=said[1])
        elif node.func.id == "pgettext" and len(said) > 1:
            yield Message(said[1], context=said[0])


def in_template(source: str) -> Iterator[Message]:
    """The messages of a template."""
    for found in _IN_TEMPLATES.finditer(templatize(source)):
        if found["plain"]:
            yield Message(ast.literal_eval(found["plain"]))
            continue
        said = ast.literal_eval(f"({found['arguments']},)")
        yield Message(said[0], plural=said[1] if found["call"] == "ngettext" and len(said) > 1 else "")


def messages(root: Path = ROOT) -> dict[Message, list[str]]:
    """Every message with the files that say it."""
    found: dict[Message, list[str]] = {}
    for patterns, read in ((SOURCES, in_python), (TEMPLATES, in_template)):
        for path in sorted(path for pattern in patterns for path in root.glob(pattern)):
            for message in read(path.read_text(encoding="utf-8")):
                places = found.setdefault(message, [])
                name = str(path.relative_to(root))
                if name not in places:
                    places.append(name)
    return found


def updated(catalogue: polib.POFile, wanted: dict[Message, list[str]]) -> polib.POFile:
    """A catalogue with exactly the wanted messages, translated as before, in alphabetical order."""
    known = {(entry.msgid, entry.msgctxt or ""): entry for entry in catalogue}
    made = polib.POFile(wrapwidth=118)
    made.metadata = catalogue.metadata
    for message in sorted(wanted):
        old = known.get((message.text, message.context))
        entry = polib.POEntry(msgid=message.text, msgctxt=message.context or None)
        entry.occurrences = [(place, "") for place in sorted(wanted[message])]
        if message.plural:
            entry.msgid_plural = message.plural
            entry.msgstr_plural = old.msgstr_plural if old and old.msgstr_plural else {0: "", 1: ""}
        elif old:
            entry.msgstr = old.msgstr
        entry.tcomment = old.tcomment if old else ""
        made.append(entry)
    return made


def compiled(path: Path) -> bytes:
    """What the .mo file of a .po file holds. The same translations give the same bytes."""
    return bytes(polib.pofile(str(path), wrapwidth=118).to_binary())


def main() -> int:
    """Update and compile every language; 1 when a message of the templates or sources has no translation."""
    wanted, missing = messages(), 0
    for path in sorted(LOCALE.glob("*/LC_MESSAGES/*.po")):
        if path.stem == "django":
            catalogue = updated(polib.pofile(str(path), wrapwidth=118), wanted)
            catalogue.save(str(path))
            empty = [entry.msgid for entry in catalogue if not entry.translated()]
            missing += len(empty)
            sys.stdout.writelines(f"{path.parts[-3]}: not translated: {text!r}\n" for text in empty)
        path.with_suffix(".mo").write_bytes(compiled(path))
        sys.stdout.write(f"{path.relative_to(ROOT)} compiled\n")
    return int(missing > 0)


if __name__ == "__main__":
    sys.exit(main())
