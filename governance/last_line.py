"""The last line: triggers that hold the workflow's rules against whoever writes to the database around the verbs.

A stage is given only with an open, signed-for decision; a request moves only along the permitted ways; a review counts
only for what is in front of the gate. And each of these rows must name the ledger entry that tells the same, so that a
hand-written row needs a forged log entry too, and that one no Merkle tree will contain.

This holds against hasty SQL, admin tricks and injected statements. Whoever owns the database can drop a trigger:
against them stand the signed decisions, checkpoints and receipts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.apps.registry import Apps
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import RunPython

from registry.immutability import ERASED

MESSAGE = "is held by the workflow"


@dataclass(frozen=True, slots=True)
class Rule:
    """A row that is written must make `condition` true; NULL counts as false. `words` finish the refusal's sentence."""

    words: str
    condition: str


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules of one kind of statement (`INSERT` or `UPDATE`) on one table."""

    table: str
    event: str
    rules: tuple[Rule, ...]

    @property
    def name(self) -> str:
        """The name of its trigger."""
        return f"{self.table}_guard_{self.event.lower()}"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one database spells what the rules need."""

    vendor: str

    def told(self, name: str, path: str = "facts") -> str:
        """A text from the canonical JSON of the ledger entry `e`."""
        if self.vendor == "postgresql":
            document = "convert_from(e.body, 'UTF8')::jsonb"
            return f"({document} -> 'facts' ->> '{name}')" if path else f"({document} ->> '{name}')"
        where = f"$.{path}.{name}" if path else f"$.{name}"
        return f"CAST(json_extract(CAST(e.body AS TEXT), '{where}') AS TEXT)"

    def text(self, column: str) -> str:
        """A number as text."""
        return f"CAST({column} AS TEXT)"

    def uuid(self, column: str) -> str:
        """A UUID as people and the ledger write it. SQLite keeps the hex digits only."""
        if self.vendor == "postgresql":
            return f"CAST({column} AS TEXT)"
        parts = [
            f"substr({column}, {start}, {length})" for start, length in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
        ]
        return "(" + " || '-' || ".join(parts) + ")"

    def same(self, column: str) -> str:
        """Whether a column stays as it is; NULL is the same as NULL."""
        operator = "IS NOT DISTINCT FROM" if self.vendor == "postgresql" else "IS"
        return f"NEW.{column} {operator} OLD.{column}"

    def true(self, column: str) -> str:
        """Whether a JSON field or boolean column is true."""
        return f"{column} IS TRUE"

    def unenforced(self, document: str) -> str:
        """Whether a decision's document says that its gate is not meant to hold back."""
        if self.vendor == "postgresql":
            return f"({document} ->> 'enforced') = 'false'"
        return f"json_extract({document}, '$.enforced') = 0"

    def entry(self, event: str, subject: str, *, actor: str = "", **facts: str) -> str:
        """Whether the ledger entry that the row names is of `event` about `subject` and tells these facts."""
        told = [f"{self.told(name)} = {value}" for name, value in facts.items()]
        if actor:
            told.append(f"{self.told('actor', '')} = {actor}")
        conditions = " AND ".join((f"e.event = '{event}'", f"e.subject = {subject}", *told))
        return f'EXISTS (SELECT 1 FROM registry_ledgerentry e WHERE e."index" = NEW.entry AND {conditions})'


def guards(vendor: str, moves: Mapping[str, tuple[str, ...]]) -> tuple[Guard, ...]:
    """Every guard, spelt for `vendor` (`sqlite` or `postgresql`). `moves` says which state may follow which."""
    sql = Dialect(vendor)
    return (
        Guard("registry_stageassignment", "INSERT", _assignment_rules(sql)),
        Guard("governance_promotionrequest", "INSERT", _request_rules(sql)),
        Guard("governance_promotionrequest", "UPDATE", _move_rules(sql, moves)),
        Guard("governance_promotionrequest", "DELETE", (Rule("rows are never deleted", "FALSE"),)),
        Guard("governance_gatedecision", "INSERT", _decision_rules()),
        Guard("governance_review", "INSERT", _review_rules(sql)),
        Guard("governance_waiverdecision", "INSERT", _waiver_rules(sql)),
        Guard("governance_policystatuschange", "INSERT", _status_rules()),
    )


def install(moves: Mapping[str, tuple[str, ...]]) -> RunPython:
    """A migration operation that puts every guard in its place; its reverse takes them away."""

    def put(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        _each(editor, moves, _drop)
        _each(editor, moves, _create)

    def take(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        _each(editor, moves, _drop)

    return RunPython(put, take, elidable=False)


# -- The rules --------------------------------------------------------------------------------------------------------
def _assignment_rules(sql: Dialect) -> tuple[Rule, ...]:
    model = "(SELECT 'model:' || m.slug FROM registry_registeredmodel m WHERE m.id = NEW.model_id)"
    record = "COALESCE((SELECT v.record_digest FROM registry_modelversion v WHERE v.id = NEW.version_id), '')"
    told = (
        sql.entry(
            "stage.assigned",
            model,
            actor="NEW.assigned_by",
            stage="NEW.stage",
            sequence=sql.text("NEW.sequence"),
            decision="NEW.decision_digest",
        )[:-1]
        + f" AND COALESCE({sql.told('version')}, '') = {record})"
    )
    decided = (
        "EXISTS (SELECT 1 FROM governance_gatedecision d WHERE d.digest = NEW.decision_digest"
        " AND d.version_id = NEW.version_id AND d.stage = NEW.stage AND (d.outcome = 'open' OR "
        f"{sql.unenforced('d.document')}))"
    )
    own = "EXISTS (SELECT 1 FROM registry_modelversion v WHERE v.id = NEW.version_id AND v.model_id = NEW.model_id)"
    here = "p.model_id = NEW.model_id AND p.stage = NEW.stage"
    newest = f"COALESCE((SELECT MAX(p.sequence) FROM registry_stageassignment p WHERE {here}), 0)"
    beside = (
        f"EXISTS (SELECT 1 FROM registry_stageassignment p WHERE {here} AND p.place <> NEW.place"
        " AND p.version_id IS NOT NULL AND (p.place = '' OR NEW.place = '') AND NOT EXISTS (SELECT 1 FROM"
        " registry_stageassignment q WHERE q.model_id = p.model_id AND q.stage = p.stage AND q.place = p.place"
        " AND q.sequence > p.sequence))"
    )
    return (
        Rule("needs the ledger entry that tells of it", told),
        Rule("needs a gate decision that lets this version into this stage", f"NEW.version_id IS NULL OR {decided}"),
        Rule("takes versions of its own model only", f"NEW.version_id IS NULL OR {own}"),
        Rule("counts without gaps", f"NEW.sequence = {newest} + 1"),
        Rule("holds one version when it is exclusive", f"NEW.version_id IS NULL OR NOT {beside}"),
    )


def _request_rules(sql: Dialect) -> tuple[Rule, ...]:
    told = sql.entry(
        "promotion.requested",
        f"'promotion:' || {sql.uuid('NEW.id')}",
        actor=_pseudonym("NEW.requested_by_id"),
        to_stage="NEW.to_stage",
    )
    return (
        Rule("begins with its checks", "NEW.state = 'auditing' AND NEW.round = 1 AND NEW.subject_digest = ''"),
        Rule("needs the ledger entry that tells of it", told),
    )


_PINNED = (
    "version_id",
    "from_stage",
    "to_stage",
    "policy_version_id",
    "gate_name",
    "reason",
    "requested_by_id",
    "requested_at",
)


_COLUMNS = (
    "id",
    "version_id",
    "from_stage",
    "to_stage",
    "policy_version_id",
    "gate_name",
    "requested_by_id",
    "requested_at",
    "state",
    "round",
    "run_id",
    "subject_digest",
    "ended_at",
    "entry",
)


def _move_rules(sql: Dialect, moves: Mapping[str, tuple[str, ...]]) -> tuple[Rule, ...]:
    ways = [(old, new) for old, following in moves.items() for new in following]
    known = " OR ".join(f"(OLD.state = '{old}' AND NEW.state = '{new}')" for old, new in ways)
    told = sql.entry(
        "promotion.moved",
        f"'promotion:' || {sql.uuid('NEW.id')}",
        to="NEW.state",
        round=sql.text("NEW.round"),
        subject_digest="NEW.subject_digest",
    )
    decided = (
        "EXISTS (SELECT 1 FROM governance_gatedecision d WHERE d.request_id = NEW.id AND d.outcome = 'open'"
        " AND d.subject_digest = NEW.subject_digest)"
    )
    assigned = (
        "EXISTS (SELECT 1 FROM governance_gatedecision d JOIN registry_stageassignment a"
        " ON a.decision_digest = d.digest WHERE d.request_id = NEW.id)"
    )
    rejected = (
        "EXISTS (SELECT 1 FROM governance_review r WHERE r.request_id = NEW.id AND r.round = NEW.round"
        " AND r.verdict = 'reject')"
    )
    opened = (
        "NEW.round = OLD.round + 1 AND EXISTS (SELECT 1 FROM governance_promotionround r WHERE r.request_id = NEW.id"
        " AND r.number = NEW.round AND r.run_id = NEW.run_id)"
    )
    same_round = "NEW.round = OLD.round AND NEW.run_id = OLD.run_id"
    rules = (
        Rule("keeps what was pinned when it was asked", " AND ".join(f"NEW.{name} = OLD.{name}" for name in _PINNED)),
        Rule("moves along permitted ways only", known),
        Rule("needs the ledger entry of the move", f"NEW.entry > OLD.entry AND {told}"),
        Rule("opens a round with a new run", f"({opened}) OR (NEW.state <> 'auditing' AND {same_round})"),
        Rule("is approved by an open decision only", f"NEW.state <> 'approved' OR {decided}"),
        Rule("is completed with its stage only", f"NEW.state <> 'completed' OR {assigned}"),
        Rule("is rejected by a review only", f"NEW.state <> 'rejected' OR {rejected}"),
    )
    # No move at all: the reason is erased with the person who gave it, and every other column stays.
    erased = [f"NEW.reason = '{ERASED}'", *(sql.same(name) for name in _COLUMNS)]
    return tuple(Rule(rule.words, f"({' AND '.join(erased)}) OR ({rule.condition})") for rule in rules)


def _decision_rules() -> tuple[Rule, ...]:
    about = (
        "EXISTS (SELECT 1 FROM governance_promotionrequest p WHERE p.id = NEW.request_id"
        " AND p.version_id = NEW.version_id AND p.to_stage = NEW.stage)"
    )
    return (Rule("is about the version and stage of its request", about),)


def _review_rules(sql: Dialect) -> tuple[Rule, ...]:
    request = "FROM governance_promotionrequest p WHERE p.id = NEW.request_id"
    told = sql.entry(
        "review.recorded",
        f"'promotion:' || {sql.uuid('NEW.request_id')}",
        actor=_pseudonym("NEW.reviewer_id"),
        role="NEW.role",
        verdict="NEW.verdict",
        round=sql.text("NEW.round"),
        subject_digest="NEW.subject_digest",
    )
    current = (
        f"EXISTS (SELECT 1 {request} AND p.round = NEW.round AND p.subject_digest = NEW.subject_digest"
        " AND p.subject_digest <> '' AND p.state IN ('in_review', 'blocked'))"
    )
    other = f"NEW.verdict <> 'approve' OR EXISTS (SELECT 1 {request} AND p.requested_by_id <> NEW.reviewer_id)"
    human = "EXISTS (SELECT 1 FROM registry_person h WHERE h.id = NEW.reviewer_id AND h.is_active AND NOT h.is_service)"
    return (
        Rule("needs the ledger entry that tells of it", told),
        Rule("is about what is in front of the gate now", current),
        Rule("never approves the reviewer's own request", other),
        Rule("is a human being's", human),
    )


def _waiver_rules(sql: Dialect) -> tuple[Rule, ...]:
    waiver = "FROM governance_waiver w WHERE w.id = NEW.waiver_id"
    about = f"(SELECT 'promotion:' || {sql.uuid('w.request_id')} {waiver})"
    actor = _pseudonym("NEW.decided_by_id")
    granted = sql.entry("waiver.granted", about, actor=actor, waiver=sql.text("NEW.waiver_id"), role="NEW.role")
    refused = sql.entry("waiver.refused", about, actor=actor, waiver=sql.text("NEW.waiver_id"), role="NEW.role")
    return (
        Rule(
            "needs the ledger entry that tells of it", f"({granted} AND NEW.granted) OR ({refused} AND NOT NEW.granted)"
        ),
        Rule("is another person's", f"EXISTS (SELECT 1 {waiver} AND w.requested_by_id <> NEW.decided_by_id)"),
    )


def _status_rules() -> tuple[Rule, ...]:
    other = (
        "EXISTS (SELECT 1 FROM governance_policyversion v WHERE v.id = NEW.policy_version_id"
        " AND v.author_id <> NEW.changed_by_id)"
    )
    return (Rule("is put into force by somebody else than its author", f"NEW.status <> 'active' OR {other}"),)


def _pseudonym(person: str) -> str:
    return f"(SELECT h.pseudonym FROM registry_person h WHERE h.id = {person})"


# -- How they are installed -------------------------------------------------------------------------------------------
def _each(
    editor: BaseDatabaseSchemaEditor,
    moves: Mapping[str, tuple[str, ...]],
    action: Callable[[BaseDatabaseSchemaEditor, Guard], None],
) -> None:
    for guard in guards(editor.connection.vendor, moves):
        action(editor, guard)


def _create(editor: BaseDatabaseSchemaEditor, guard: Guard) -> None:
    if editor.connection.vendor == "postgresql":
        row = "OLD" if guard.event == "DELETE" else "NEW"
        checks = "\n".join(
            f"IF ({rule.condition}) IS NOT TRUE THEN RAISE EXCEPTION '{_sentence(guard, rule)}'"
            " USING ERRCODE = 'restrict_violation'; END IF;"
            for rule in guard.rules
        )
        body = f"BEGIN {checks} RETURN {row}; END;"
        function = f"CREATE FUNCTION {guard.name}() RETURNS trigger AS $$ {body} $$ LANGUAGE plpgsql"
        editor.execute(function, params=None)  # its percent signs are not placeholders
        editor.execute(
            f"CREATE TRIGGER {guard.name} BEFORE {guard.event} ON {guard.table} "
            f"FOR EACH ROW EXECUTE FUNCTION {guard.name}()"
        )
        editor.execute(f"ALTER TABLE {guard.table} ENABLE ALWAYS TRIGGER {guard.name}")
        return
    checks = " ".join(
        f"SELECT RAISE(ABORT, '{_sentence(guard, rule)}') WHERE ({rule.condition}) IS NOT TRUE;" for rule in guard.rules
    )
    editor.execute(f"CREATE TRIGGER {guard.name} BEFORE {guard.event} ON {guard.table} BEGIN {checks} END")


def _drop(editor: BaseDatabaseSchemaEditor, guard: Guard) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(f"DROP TRIGGER IF EXISTS {guard.name} ON {guard.table}")
        editor.execute(f"DROP FUNCTION IF EXISTS {guard.name}()")
        return
    editor.execute(f"DROP TRIGGER IF EXISTS {guard.name}")


def _sentence(guard: Guard, rule: Rule) -> str:
    return f"{guard.table} {MESSAGE}: it {rule.words}".replace("'", "''")
