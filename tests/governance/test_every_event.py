"""Every way to change, to be refused, to read a report or to take a document out leads to an entry of the ledger.

The ways are walked, not listed: every verb, every address with every method, and every action of the admin. A new one
without an event fails here until it has one.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from governance.models import RoleGroup
from governance.service.configuration import record_configuration
from governance.service.startup import tell_of_start
from registry.models import LedgerEntry, Person
from registry.models.immutable import Record
from registry.rows import tables
from tests.governance.call_graph import functions, leads_to_an_entry, telling

READING_METHODS = ("get", "head", "options")

#: Methods that change nothing although they are no reads, each for its reason.
HARMLESS = {
    ("PolicySimulate", "post"): "tries a draft on past requests and keeps nothing",
    ("ReviewStatement", "post"): "prepares what a security key will sign",
    ("review_statement", ""): "prepares what a security key will sign",
    ("options", ""): "prepares what a security key will answer",
    ("set_language", ""): "keeps the language in the browser, and nothing here",
    ("choose", ""): "helps to write a draft, and keeps nothing",
}
#: Reads that hand out what a person was judged by or what leaves the service.
TOLD_READS = {"ReportRead", "DossierRead", "LineageRead", "report_file"}


# -- Verbs ------------------------------------------------------------------------------------------------------------
CARRIERS = {"pages", "api", "admin", "demo", "management", "migrations"}

#: They take an actor and change nothing of the record, each for its reason.
QUIET = {
    "registry.ledger.append": "is the entry",
    "registry.ledger.settle": "tells of the rows of the verb that ends with it",
    "registry.refused.write_waiting": "tells of refusals",
    "governance.explanations.ask_for_explanation": "only refuses; what is given is told",
    "governance.signatures.reviews.prove_reviewer": "the review that it proves is told, with the method",
    "governance.signatures.reviews.review_options": "prepares what a security key will sign",
    "governance.moves.add_round": "is a part of the verb that opens the round, which tells of it",
}


def acting() -> Iterator[str]:
    """Functions of service modules that somebody does: verbs take an actor. Pages, API and commands carry them out."""
    for name, node in functions().items():
        if set(name.split(".")) & CARRIERS or node.name.startswith("_"):
            continue
        if any(argument.arg == "actor" for argument in (*node.args.args, *node.args.kwonlyargs)):
            yield name


@pytest.mark.parametrize("verb", sorted(acting()))
def test_a_verb_has_its_event(verb: str) -> None:
    assert verb in telling() or verb in QUIET, f"{verb} takes an actor and tells the ledger nothing"


# -- Addresses --------------------------------------------------------------------------------------------------------
def addresses(patterns: Any = None, before: str = "") -> Iterator[tuple[str, Callable[..., Any]]]:
    for entry in patterns if patterns is not None else get_resolver().url_patterns:
        here = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            if not here.startswith("admin/"):
                yield from addresses(entry.url_patterns, here)
        elif isinstance(entry, URLPattern):
            yield here, entry.callback


def methods_that_change() -> Iterator[tuple[str, str, str, str]]:
    """(address, method, source, module) of whatever is no mere read."""
    for address, callback in addresses():
        view = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
        if view is None:
            inner = inspect.unwrap(callback)
            source = inspect.getsource(inner)
            if (callback.__name__, "") in HARMLESS:
                continue
            if "POST" in source or callback.__name__ in TOLD_READS:
                yield address, callback.__name__, source, inner.__module__
            continue
        if not view.__module__.startswith("governance"):
            continue  # the schema and its browser, and redirections
        for method in set(view.http_method_names) - set(READING_METHODS):
            if hasattr(view, method) and (view.__name__, method) not in HARMLESS and view.__name__ != "SignIn":
                yield address, f"{view.__name__}.{method}", _source_of(view, method), view.__module__
        if view.__name__ in TOLD_READS:
            yield address, f"{view.__name__}.get", _source_of(view, "get"), view.__module__


def _source_of(view: Any, method: str) -> str:
    """The method with the helpers of its classes in the same module, but not the other methods."""
    own = (part for part in view.__mro__ if part.__module__ == view.__module__)
    return "\n".join(
        textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
        for part in own
        for name, function in vars(part).items()
        if inspect.isfunction(function) and (name == method or name not in view.http_method_names)
    )


@pytest.mark.parametrize(("address", "method", "source", "module"), sorted(set(methods_that_change())))
def test_what_an_address_changes_has_its_event(address: str, method: str, source: str, module: str) -> None:
    assert leads_to_an_entry(source, module), f"{method} of {address} reaches no function that tells the ledger"


def test_the_walk_sees_what_tells_nothing() -> None:
    """A walk that finds everything good would be worth nothing."""
    here = "governance.api.stages"
    assert not leads_to_an_entry("def post(self, request):\n    return Response(thing.save())", here)
    assert not leads_to_an_entry("def post(self, request):\n    require(self.actor, 'x')", here)
    assert leads_to_an_entry("def post(self, request):\n    stages.retire_version(actor=self.actor)", here)
    silent = {
        "registry.authority.require",
        "governance.refusals.recorded",
        "governance.signatures.credentials.prove",
    }
    assert silent <= set(functions()), "a name that is not there tells nothing either"
    assert not silent & telling()
    assert len(list(methods_that_change())) > 50
    there = {getattr(callback, "cls", callback).__name__ for _, callback in addresses()}
    assert {name for name, _ in HARMLESS} | TOLD_READS <= there
    assert set(QUIET) <= set(functions())


# -- The admin --------------------------------------------------------------------------------------------------------
def admin_actions() -> Iterator[tuple[str, str, str, str]]:
    for model, page in admin.site._registry.items():
        for action in page.actions or ():
            function = getattr(page, action) if isinstance(action, str) else action
            inner = inspect.unwrap(function)
            if inner.__module__.startswith(("registry", "audits", "governance")):
                yield model._meta.label_lower, function.__name__, inspect.getsource(inner), inner.__module__


@pytest.mark.parametrize(("model", "action", "source", "module"), sorted(admin_actions()))
def test_an_action_of_the_admin_has_its_event(model: str, action: str, source: str, module: str) -> None:
    assert leads_to_an_entry(source, module) or "HttpResponseRedirect(reverse(" in source, (
        f"{action} of {model} tells nothing"
    )


@pytest.mark.django_db
def test_whatever_can_be_edited_in_the_admin_is_told_row_by_row(ada: Person, rf: Any) -> None:
    request = rf.get("/")
    request.user = ada
    told = {table.model for table in tables().values()}
    editable = {
        model
        for model, page in admin.site._registry.items()
        if page.has_change_permission(request)
        or page.has_add_permission(request)
        or page.has_delete_permission(request)
    }
    assert {Person, Group, RoleGroup} <= editable
    assert {model.__name__ for model in editable - told if not issubclass(model, Record)} <= SAFE_TO_EDIT


#: Tables of packages that the service shows to superusers and that decide nothing.
SAFE_TO_EDIT = {"AccessAttempt", "AccessLog", "AccessFailureLog", "AccessAttemptExpiration"}


# -- Sessions, settings and keys --------------------------------------------------------------------------------------
def events() -> list[tuple[str, str]]:
    return list(LedgerEntry.objects.order_by("index").values_list("event", "subject"))


def test_signing_in_and_out_and_failing_to(maya: Person, client: Client) -> None:
    who = f"person:{maya.pseudonym}"
    client.post("/sign-in/", {"username": "maya", "password": "guess"})
    client.post("/sign-in/", {"username": "nobody", "password": "guess"})
    client.post("/sign-in/", {"username": "maya", "password": "correct horse battery staple"})
    client.post("/admin/logout/")
    told = [entry for entry in events() if entry[0].startswith("session.")]
    assert told == [
        ("session.refused", who),
        ("session.refused", "person:unknown"),
        ("session.opened", who),
        ("session.closed", who),
    ]


def test_a_changed_setting_is_told_once_and_not_its_value(db: None, settings: Any) -> None:
    assert "ASSAY_BASE_URL" in record_configuration()
    assert record_configuration() == ()
    settings.ASSAY_BASE_URL = "https://other.example.org"
    assert record_configuration() == ("ASSAY_BASE_URL",)
    bodies = b"".join(bytes(entry.body) for entry in LedgerEntry.objects.all())
    assert b"other.example.org" not in bodies
    assert [event for event, _ in events()].count("configuration.changed") == 2


def test_a_start_tells_of_keys_and_settings_and_a_second_one_of_nothing(db: None) -> None:
    tell_of_start()
    told = {event for event, _ in events()}
    assert {"key.created", "configuration.changed"} <= told
    before = len(events())
    tell_of_start()
    assert len(events()) == before
