"""The catalogue as an OSCAL catalog: `python -m audits.frameworks.oscal [--as-of 2026-08-01] > catalog.json`.

Each framework is a group and each control says what it meant on the day. A repealed control is marked as OSCAL marks
withdrawn ones, with a link to what came in its place; one that was not law on that day is left out. Pure.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, date, datetime, time
from typing import Any

from audits.frameworks.catalogue import Catalogue, Control, ControlVersion, EffectStatus, Framework
from audits.oscal import VERSION, dangling, identify, line, prop


def statement_of(control_id: str) -> str:
    """The identifier of the statement of a control, to which findings point."""
    return f"{control_id}_smt"


def identifiers(catalogue: Catalogue, as_of: date) -> frozenset[str]:
    """What another OSCAL file may refer to in the catalog of that day."""
    names = [control.id for control in catalogue.all() if control.version(as_of) is not None]
    return frozenset(names) | {statement_of(name) for name in names}


def catalog(catalogue: Catalogue, as_of: date) -> dict[str, Any]:
    """The OSCAL catalog of the law and standards of one day. The same day gives the same document."""
    made = max(framework.retrieved for framework in catalogue.frameworks)
    groups = [_group(catalogue, framework, as_of) for framework in catalogue.frameworks]
    return {
        "catalog": {
            "uuid": identify("catalog", as_of.isoformat(), made.isoformat()),
            "metadata": {
                "title": f"Controls of Assay, as of {as_of.isoformat()}",
                "last-modified": datetime.combine(made, time(), UTC).isoformat(),
                "version": as_of.isoformat(),
                "oscal-version": VERSION,
                "remarks": "Duties in our own words; not a legal text and not legal advice.",
            },
            "groups": [group for group in groups if "controls" in group],
            "back-matter": {"resources": [_resource(framework) for framework in catalogue.frameworks]},
        }
    }


def _group(catalogue: Catalogue, framework: Framework, as_of: date) -> dict[str, Any]:
    dated = [(control, control.version(as_of)) for control in catalogue.all() if control.framework == framework.name]
    controls = [_control(catalogue, control, text, as_of) for control, text in dated if text is not None]
    group = {
        "id": framework.id,
        "class": "framework",
        "title": framework.title,
        "links": [{"href": f"#{identify('framework', framework.id)}", "rel": "reference"}],
    }
    return {**group, "controls": controls} if controls else group


def _control(catalogue: Catalogue, control: Control, text: ControlVersion, as_of: date) -> dict[str, Any]:
    effect = catalogue.effective(control, as_of)
    props: list[dict[str, str]] = [
        {"name": "label", "value": line(control.reference)},
        prop("kind", control.kind.value),
        prop("applies-to", control.applies_to),
        prop("automation", control.automation),
        prop("effect", effect.status.value, remarks=effect.text),
        prop("valid-from", text.valid_from.isoformat()),
        prop("known-from", text.known_from.isoformat()),
        *(prop(f"applies-from-{entry.route.value}", entry.date.isoformat()) for entry in text.applies_from),
        *(prop("risk-class", name) for name in control.risk_classes),
        *(prop("evidence", name) for name in control.evidence),
    ]
    if text.amended_by:
        props.append(prop("amended-by", text.amended_by))
    made: dict[str, Any] = {"id": control.id, "class": control.kind.value, "title": line(control.title), "props": props}
    if effect.status is EffectStatus.REPEALED:
        props.append({"name": "status", "value": "withdrawn"})
        made["links"] = [{"href": f"#{name}", "rel": "moved-to"} for name in text.successors]
    parts = [{"id": statement_of(control.id), "name": "statement", "prose": text.duty}]
    if text.note:
        parts.append({"id": f"{control.id}_gdn", "name": "guidance", "prose": text.note})
    return {**made, "parts": parts}


def _resource(framework: Framework) -> dict[str, Any]:
    reviewed = framework.reviewed_by or "nobody with a mandate yet"
    return {
        "uuid": identify("framework", framework.id),
        "title": framework.title,
        "description": f"{framework.source}. Retrieved {framework.retrieved.isoformat()}. {framework.doubt}",
        "props": [prop("reviewed-by", reviewed), *(prop("amended-by", name) for name in framework.amended_by)],
        "citation": {"text": line(framework.title)},
    }


def main(arguments: list[str] | None = None) -> int:
    """Write the catalog of a day to standard output; 1 when it would refer to something that is not in it."""
    parser = argparse.ArgumentParser(description="The catalogue as an OSCAL catalog.")
    parser.add_argument("--as-of", type=date.fromisoformat, default=datetime.now(UTC).date(), metavar="YYYY-MM-DD")
    document = catalog(Catalogue.load(), parser.parse_args(arguments).as_of)
    lost = dangling(document)
    sys.stderr.writelines(f"{problem}\n" for problem in lost)
    if not lost:
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
