"""The count question and its SQL. Pure text: whoever can run SQL can answer it, and only the counts come back.

The rows are read once, grouped by everything at the finest grain; the sets of groups that are asked for are summed from
that small table. Keys are grouped in their own type and become text only afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MISSING = "(missing)"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between the engines: quotes, text type, how a first step is kept from being redone."""

    name: str
    quote: str
    text: str
    materialized: str

    def quoted(self, name: str) -> str:
        """`name` as an identifier."""
        return self.quote + name.replace(self.quote, self.quote * 2) + self.quote

    def key(self, name: str) -> Key:
        """A column as a key: its own text, and a word for missing."""
        return Key(self.quoted(name), f"coalesce(CAST({{}} AS {self.text}), '{MISSING}')")


DUCKDB = Dialect("duckdb", '"', "VARCHAR", "MATERIALIZED")
POSTGRESQL = Dialect("postgresql", '"', "text", "MATERIALIZED")
SPARK = Dialect("spark", "`", "STRING", "")


@dataclass(frozen=True, slots=True)
class Key:
    """One column of groups: `native` is grouped by, `text` turns a grouped value (written {}) into the group's name."""

    native: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CountQuestion:
    """How many rows, how much weight, and which sums, per combination of outcomes, for each set of keys.

    All strings are SQL that the caller has quoted. `relation` is a table or view. `sets` name keys; each set is counted
    by itself. `weight` is None where every row counts once. `sums` are sums of products with the weight.
    """

    relation: str
    keys: Mapping[str, Key]
    outcomes: Mapping[str, str]
    sets: tuple[tuple[str, ...], ...]
    weight: str | None = None
    sums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tally:
    """Rows, their summed weight and the sum of its squares. Unweighted, all three are the number of rows."""

    rows: int = 0
    weight: float = 0
    squares: float = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.rows + other.rows, self.weight + other.weight, self.squares + other.squares)

    @property
    def effective(self) -> float:
        """Kish's effective number of rows; the number of rows itself where all weigh the same."""
        return self.weight * self.weight / self.squares if self.squares else 0


@dataclass(frozen=True, slots=True)
class Counted:
    """One line of the answer: `groups` and `outcomes` in the order of the set and of the question."""

    keys: tuple[str, ...]
    groups: tuple[str, ...]
    outcomes: tuple[Any, ...]
    tally: Tally
    sums: Mapping[str, float]


Run = Callable[[str], Iterable[Sequence[Any]]]


def count(run: Run, question: CountQuestion, dialect: Dialect = DUCKDB) -> list[Counted]:
    """Ask. `run` executes one SELECT and yields its rows."""
    names, width = list(question.keys), len(question.keys)
    answer = []
    for line in run(render(question, dialect)):
        grouped = [name for name, away in zip(names, line[:width], strict=True) if not away]
        texts = dict(zip(names, line[width : 2 * width], strict=True))
        rest = line[2 * width :]
        outcomes, numbers = rest[: len(question.outcomes)], rest[len(question.outcomes) :]
        rows, weight, squares = int(numbers[0]), _number(numbers[1]), _number(numbers[2])
        sums = {name: float(value or 0) for name, value in zip(question.sums, numbers[3:], strict=True)}
        keys = next(chosen for chosen in question.sets if set(chosen) == set(grouped))
        tally = Tally(rows, weight, squares)
        answer.append(Counted(keys, tuple(str(texts[key]) for key in keys), tuple(outcomes), tally, sums))
    return answer


def _number(value: Any) -> float:
    """A sum as a number: whole sums stay whole."""
    number = float(value or 0)
    return int(number) if number.is_integer() else number


def render(question: CountQuestion, dialect: Dialect) -> str:
    """One SELECT: for each key whether it is away (1), the keys' texts, the outcomes, rows, weight, squares, sums."""
    keys = [f"k{index}" for index in range(len(question.keys))]
    outcomes = [f"o{index}" for index in range(len(question.outcomes))]
    sums = [f"s{index}" for index in range(len(question.sums))]
    weight = question.weight or "1"
    # Without weights nothing needs to be summed: the number of rows is the weight.
    plain = question.weight is None
    weighed = [] if plain else [f"{weight} AS w"]
    taken = [f"{key.native} AS {name}" for key, name in zip(question.keys.values(), keys, strict=True)]
    taken += [f"{sql} AS {name}" for sql, name in zip(question.outcomes.values(), outcomes, strict=True)]
    taken += [f"{sql} AS {name}" for sql, name in zip(question.sums.values(), sums, strict=True)]
    base = ", ".join([*taken, *weighed]) or "1 AS nothing"
    totals = ["count(*) AS n"]
    totals += [] if plain else ["sum(w) AS w", "sum(w * w) AS w2"]
    totals += [f"sum({name}{'' if plain else ' * w'}) AS {name}" for name in sums]
    grain = [*keys, *outcomes]
    fine = f"SELECT {', '.join([*grain, *totals])} FROM (SELECT {base} FROM {question.relation}) rows_read"
    fine += f" GROUP BY {', '.join(grain)}" if grain else ""
    named = [f"{key.text.format(name)} AS {name}" for key, name in zip(question.keys.values(), keys, strict=True)]
    spoken = ", ".join([*named, *outcomes, "n", *([] if plain else ["w", "w2"]), *sums])
    places = dict(zip(question.keys, keys, strict=True))
    sets = ", ".join(f"({', '.join([*(places[name] for name in chosen), *outcomes])})" for chosen in question.sets)
    summed = ["sum(n)", *(["sum(n)", "sum(n)"] if plain else ["sum(w)", "sum(w2)"]), *(f"sum({name})" for name in sums)]
    shown = ", ".join([*(f"grouping({key})" for key in keys), *keys, *outcomes, *summed])
    return (
        f"WITH fine AS {dialect.materialized} ({fine}), named AS (SELECT {spoken} FROM fine) "
        f"SELECT {shown} FROM named GROUP BY GROUPING SETS ({sets})"
    )
