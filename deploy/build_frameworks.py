"""Write the framework files from a flat list of controls: `python deploy/build_frameworks.py controls.json FOLDER`.

The list says what holds today. What the files add is time: which text was law until Regulation (EU) 2026/1744 changed
it, from when each applied, and from when that could be known. Run again only when the list changes; the files are what
ships, and a person reviews their difference.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

RETRIEVED = "2026-11-20"
AMENDMENT, AMENDED_ON = "Regulation (EU) 2026/1744", "2026-07-27"
ANNEX_III, ANNEX_I = "2027-12-02", "2028-08-02"
ANNEX_III_BEFORE, ANNEX_I_BEFORE = "2026-08-02", "2027-08-02"
GENERAL_BEFORE = "2026-08-02"
DOUBT = (
    "Titles and references were compared with two copies of the consolidated text. The Official Journal itself was not "
    "consulted, and nobody with a legal mandate has reviewed the summaries."
)
FRAMEWORKS: dict[str, dict[str, Any]] = {
    "EU AI Act": {
        "file": "eu_ai_act.json",
        "id": "eu-ai-act",
        "name": "EU AI Act",
        "title": "Regulation (EU) 2024/1689 laying down harmonised rules on artificial intelligence",
        "amended_by": [AMENDMENT],
        "source": "Consolidated text of Regulation (EU) 2024/1689 as amended by (EU) 2026/1744; duties in own words",
        "in_force": "2024-08-01",
        "published": "2024-07-12",
    },
    "GDPR": {
        "file": "gdpr.json",
        "id": "gdpr",
        "name": "GDPR",
        "title": "Regulation (EU) 2016/679 (General Data Protection Regulation)",
        "amended_by": [],
        "source": "Consolidated text of Regulation (EU) 2016/679; duties in own words",
        "in_force": "2016-05-24",
        "published": "2016-05-04",
    },
}
KINDS = {"classification": "classification", "informational": "informational", "optional": "voluntary"}
#: Did not exist before the amendment.
INSERTED = re.compile(r"aia-4a-.*|aia-5-1-b[ab]|aia-111-4")
#: The amendment is mentioned although it left the text of the control alone.
UNCHANGED = {"aia-50-1", "aia-6-4", "aia-72-3"}
ROUTE_NOTE = re.compile(r"Annex I \(Art\. 6\(1\)\) route: 2028-08-02\.\s*")
UNSETTLED_NOTE = re.compile(r"Literal Art\. 113 date .*$")
FORMER_SUMMARY = "The wording was changed on 27 July 2026; this summary follows the later text."
ARTICLE_10_5 = (
    "A provider could exceptionally process special-category data, as far as strictly necessary to detect and correct "
    "bias in a high-risk system, under conditions on top of the GDPR."
)


def dated(route: str, day: str) -> dict[str, str]:
    """One date of application."""
    return {"route": route, "date": day}


def note_of(control: dict[str, Any]) -> str:
    """The note without what the structure says already."""
    note = re.sub(r"\[[a-z-]+\]\s*", "", control["note"])
    note = UNSETTLED_NOTE.sub("", ROUTE_NOTE.sub("", note))
    return note.replace("in stored material", "in our sources").strip()


def duty_of(control: dict[str, Any]) -> str:
    """The duty in words that do not pronounce on conformity."""
    return str(control["duty"]).replace("is non-compliant", "does not meet the requirements")


def current_dates(control: dict[str, Any]) -> list[dict[str, str]]:
    """From when the control applies, as the law stands."""
    day = control["applies_from"]
    if control["id"] == "aia-6-1":
        return [dated("annex-i", day)]
    if day != ANNEX_III:
        return [dated("general", day)] if day else []
    routes = [dated("annex-iii", day)]
    return [*routes, dated("annex-i", ANNEX_I)] if ROUTE_NOTE.search(control["note"]) else routes


def former_dates(control: dict[str, Any], current: list[dict[str, str]]) -> list[dict[str, str]]:
    """From when it would have applied as the law stood before the amendment."""
    if "[date-unsettled]" in control["note"]:
        return [dated("general", GENERAL_BEFORE)]
    before = {"annex-iii": ANNEX_III_BEFORE, "annex-i": ANNEX_I_BEFORE}
    return [dated(entry["route"], before.get(entry["route"], entry["date"])) for entry in current]


def versions_of(control: dict[str, Any], framework: dict[str, Any]) -> list[dict[str, Any]]:
    """The versions of one control, oldest first."""
    name, note, dates = control["id"], note_of(control), current_dates(control)
    text: dict[str, Any] = {"duty": duty_of(control), "applies_from": dates, "note": note}
    origin: dict[str, Any] = {
        "valid_from": framework["in_force"],
        "valid_to": None,
        "known_from": framework["published"],
    }
    amended: dict[str, Any] = {
        "valid_from": AMENDED_ON,
        "valid_to": None,
        "known_from": AMENDED_ON,
        "amended_by": AMENDMENT,
    }
    if name == "aia-10-5":
        former_routes = [dated("annex-iii", ANNEX_III_BEFORE), dated("annex-i", ANNEX_I_BEFORE)]
        former: dict[str, Any] = {**origin, "valid_to": AMENDED_ON, "duty": ARTICLE_10_5, "applies_from": former_routes}
        return [former, {**amended, **text, "repealed": True, "successors": ["aia-4a-1"]}]
    if INSERTED.fullmatch(name):
        return [{**amended, **text}]
    unsettled = "[date-unsettled]" in control["note"]
    reworded = "2026/1744" in note and name not in UNCHANGED
    before = former_dates(control, dates)
    if not (unsettled or reworded or before != dates):
        return [{**origin, **text}]
    former = {**origin, "valid_to": AMENDED_ON, "duty": duty_of(control), "applies_from": before}
    former["note"] = FORMER_SUMMARY if reworded else note
    latest: dict[str, Any] = {**amended, **text}
    if unsettled:
        latest["no_object_before"] = [dated("annex-iii", ANNEX_III), dated("annex-i", ANNEX_I)]
    return [former, latest]


def control_entry(control: dict[str, Any], framework: dict[str, Any]) -> dict[str, Any]:
    """One control as it ships."""
    marker = re.match(r"\[([a-z]+)\]", control["note"])
    # The permission of Article 10(5) is kept so that old citations resolve; it counts as what it was.
    kind = "voluntary" if control["id"] == "aia-10-5" else KINDS.get(marker.group(1) if marker else "", "duty")
    kept = ("id", "reference", "title", "applies_to", "risk_classes", "evidence", "automation")
    return {**{name: control[name] for name in kept}, "kind": kind, "versions": versions_of(control, framework)}


def build(controls: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """File name to content."""
    files: dict[str, dict[str, Any]] = {}
    for name, framework in FRAMEWORKS.items():
        head: dict[str, Any] = {key: framework[key] for key in ("id", "name", "title", "amended_by", "source")}
        files[framework["file"]] = {
            "framework": {**head, "retrieved": RETRIEVED, "reviewed_by": None, "doubt": DOUBT},
            "controls": [control_entry(entry, framework) for entry in controls if entry["framework"] == name],
        }
    return files


def main(source: str, folder: str) -> None:
    """Read the list, write the files."""
    controls = json.loads(Path(source).read_text(encoding="utf-8"))
    for name, content in build(controls).items():
        text = json.dumps(content, indent=1, ensure_ascii=False)
        (Path(folder) / name).write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:3])
