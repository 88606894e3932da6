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


@dataclass(frozen=True, slots=True)
class Weighing:
    """What a line of the relation stands for, as SQL: by itself one row of weight 1.

    `rows`: so many rows that were counted before, alike in keys, outcomes and sums. `weight`: their summed weight.
    `squares`: the sum of the squared weights; None where a line is one row, whose weight can be squared.
    """

    rows: str | None = None
    weight: str | None = None
    squares: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountQuestion:
    """How many rows, how much weight, and which sums, per combination of outcomes, for each set of keys.

    All strings are SQL that the caller has quoted. `relation` is a table or view. `sets` name keys; each set is counted
    by itself. `sums` are sums of products with the weight.
    """

    relation: str
    keys: Mapping[str, Key]
    outcomes: Mapping[str, str]
    sets: tuple[tuple[str, ...], ...]
    weighing: Weighing = field(default_factory=Weighing)
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
    taken = [f"{key.native} AS {name}" for key, name in zip(question.keys.values(), keys, strict=True)]
    taken += [f"{sql} AS {name}" for sql, name in zip(question.outcomes.values(), outcomes, strict=True)]
    taken += [f"{sql} AS {name}" for sql, name in zip(question.sums.values(), sums, strict=True)]
    weighed, totals, shown = _weighed(question.weighing, sums)
    base = ", ".join([*taken, *weighed]) or "1 AS nothing"
    grain = [*keys, *outcomes]
    fine = f"SELECT {', '.join([*grain, *totals])} FROM (SELECT {base} FROM {question.relation}) rows_read"
    fine += f" GROUP BY {', '.join(grain)}" if grain else ""
    named = [f"{key.text.format(name)} AS {name}" for key, name in zip(question.keys.values(), keys, strict=True)]
    spoken = ", ".join([*named, *outcomes, *dict.fromkeys(shown), *sums])
    places = dict(zip(question.keys, keys, strict=True))
    sets = ", ".join(f"({', '.join([*(places[name] for name in chosen), *outcomes])})" for chosen in question.sets)
    summed = [f"sum({name})" for name in (*shown, *sums)]
    answered = ", ".join([*(f"grouping({key})" for key in keys), *keys, *outcomes, *summed])
    return (
        f"WITH fine AS {dialect.materialized} ({fine}), named AS (SELECT {spoken} FROM fine) "
        f"SELECT {answered} FROM named GROUP BY GROUPING SETS ({sets})"
    )


def _weighed(weighing: Weighing, sums: Sequence[str]) -> tuple[list[str], list[str], tuple[str, str, str]]:
    """What is read of each line, the totals at the finest grain, and which totals are rows, weight and squares.

    Without weights nothing needs to be summed for them: the number of rows is the weight.
    """
    read = [f"{weighing.rows} AS n"] if weighing.rows is not None else []
    totals = ["sum(n) AS n" if read else "count(*) AS n"]
    if weighing.weight is None:
        times = " * n" if read else ""
        return read, [*totals, *(f"sum({name}{times}) AS {name}" for name in sums)], ("n", "n", "n")
    read.append(f"{weighing.weight} AS w")
    if weighing.squares is not None:
        read.append(f"{weighing.squares} AS w2")
    totals += ["sum(w) AS w", f"sum({'w * w' if weighing.squares is None else 'w2'}) AS w2"]
    return read, [*totals, *(f"sum({name} * w) AS {name}" for name in sums)], ("n", "w", "w2")
