"""The people of the demo. They exist in development only, and all share one printed password."""

from __future__ import annotations

from dataclasses import dataclass

from governance.access.roles import group_for
from governance.models.access import Role
from registry.models import Person

PASSWORD = "assay-demo-1"  # noqa: S105  (printed on the terminal; the command refuses to run in production)


@dataclass(frozen=True, slots=True)
class Part:
    """A person and the role they play."""

    username: str
    name: str
    role: Role | None
    does: str


CAST = (
    Part("maya", "Maya Medina", Role.DATA_SCIENTIST, "trains models and asks for their promotion"),
    Part("victor", "Victor Vance", Role.MODEL_VALIDATOR, "validates models"),
    Part("vera", "Vera Vogel", Role.MODEL_VALIDATOR, "validates models"),
    Part("rosa", "Rosa Reyes", Role.RISK_OFFICER, "answers for risk, decides on waivers"),
    Part("dora", "Dora Dahl", Role.DATA_PROTECTION_OFFICER, "answers for data protection"),
    Part("carla", "Carla Conti", Role.COMPLIANCE_OFFICER, "writes the policies"),
    Part("bo", "Bo Bergman", Role.BUSINESS_OWNER, "answers for the use"),
    Part("mel", "Mel Moreau", Role.ML_ENGINEER, "puts approved versions into production"),
    Part("alma", "Alma Ahmed", Role.AUDITOR, "reads everything, changes nothing"),
    Part("ada", "Ada Adler", Role.ADMINISTRATOR, "administers people and settings"),
)


def cast() -> dict[str, Person]:
    """The people by user name, made where they are missing."""
    people = {}
    for part in CAST:
        first, last = part.name.split(" ", 1)
        person, created = Person.objects.get_or_create(
            username=part.username,
            defaults={
                "first_name": first,
                "last_name": last,
                "email": f"{part.username}@example.org",
                "is_staff": True,
                "is_superuser": part.username == "ada",
            },
        )
        if created:
            person.set_password(PASSWORD)
            person.save()
        if part.role:
            person.groups.add(group_for(part.role))
        people[part.username] = person
    pipeline, _ = Person.objects.get_or_create(
        username="deploy-pipeline", defaults={"is_service": True, "first_name": "Deploy", "last_name": "pipeline"}
    )
    pipeline.set_unusable_password()
    pipeline.save()
    pipeline.groups.add(group_for(Role.OPERATOR))
    people["pipeline"] = pipeline
    return people
