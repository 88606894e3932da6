"""Dataset cards: every revision to read, and the form that writes the next one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html, format_html_join
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminDateWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from registry import cards
from registry.admin.base import ReadOnlyAdmin, badge, link, pretty_json, short_digest
from registry.authority import permits
from registry.cards import Card
from registry.dataset_cards import card_from_row, card_of, declared_card, governance_tags, tagged_columns, write_card
from registry.errors import AssayError, InvalidInputError
from registry.models import DatasetCard, DatasetVersion, Person
from registry.tongue import called, ours

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise  # known to the stubs only

_SIGNED = ("reason", "written_by", "written_at")
_UNSTATED = ("", _("not stated"))


def _area(rows: int = 3) -> UnfoldAdminTextareaWidget:
    return UnfoldAdminTextareaWidget(attrs={"rows": rows})


def _text(label: str | _StrPromise, help_text: str | _StrPromise = "", *, long: bool = True) -> forms.CharField:
    widget = _area() if long else UnfoldAdminTextInputWidget()
    return forms.CharField(
        label=label, help_text=help_text, required=False, max_length=cards.LONGEST_TEXT, widget=widget
    )


def _choice(label: str | _StrPromise, known: Mapping[str, str], help_text: str | _StrPromise = "") -> forms.ChoiceField:

    def choices() -> list[tuple[str, Any]]:
        return [_UNSTATED, *((key, f"{key} · {called(words)}") for key, words in known.items())]

    return forms.ChoiceField(
        label=label, choices=choices, required=False, help_text=help_text, widget=UnfoldAdminSelectWidget()
    )


def _day(label: str | _StrPromise) -> forms.DateField:
    return forms.DateField(label=label, required=False, widget=UnfoldAdminDateWidget())


class CardForm(forms.ModelForm):  # type: ignore[type-arg]
    """The whole card; the verb writes it as the next revision. Lists have one entry a line."""

    actor: Person
    version: DatasetVersion

    owner = forms.ModelChoiceField(
        queryset=Person.objects.none(), label=_("Owner"), widget=UnfoldAdminSelectWidget(), help_text=_("Who is asked.")
    )
    source = _text(_("Source"), _("Where the data came from."), long=False)
    licence = _text(_("Licence"), _("SPDX expression such as CC-BY-4.0, or LicenseRef-name."), long=False)
    purposes = _text(_("Purposes"), _("One short phrase a line."))
    personal_data = forms.ChoiceField(
        label=_("Personal data"),
        choices=[_UNSTATED, ("yes", _("yes")), ("no", _("no"))],
        required=False,
        widget=UnfoldAdminSelectWidget(),
    )
    legal_basis = _choice(_("Legal basis"), cards.LEGAL_BASES, _("GDPR Art. 6(1)."))
    legal_basis_reason = _text(_("Why this basis holds"))
    special_categories = forms.MultipleChoiceField(
        label=_("Special categories"),
        choices=lambda: [(key, called(words)) for key, words in cards.SPECIAL_CATEGORIES.items()],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text=_("GDPR Art. 9(1) and 10."),
    )
    special_exception = _choice(_("Exception"), cards.EXCEPTIONS, _("GDPR Art. 9(2), or AI Act Art. 4a."))
    compatibility = _text(_("Compatibility"), _("GDPR Art. 6(4), where data serve another purpose than at collection."))
    retention_until = _day(_("Kept until"))
    regions = _text(_("Regions"), _("ISO 3166-1 codes or EEA, one a line."))
    transfer_safeguard = _choice(_("Transfer safeguard"), cards.SAFEGUARDS, _("GDPR chapter V."))
    data_subjects = _text(_("Data subjects"), _("Categories of persons, one a line."))
    recipients = _text(_("Recipients"), _("Categories of recipients, one a line."))
    security_measures = _text(_("Security measures"))
    collected_from = _day(_("Collected from"))
    collected_until = _day(_("Collected until"))
    preparation = _text(_("Preparation"), _("Labelling, cleaning, enrichment, aggregation (AI Act Art. 10(2)(c))."))
    assumptions = _text(_("Assumptions"), _("What the data are meant to measure (AI Act Art. 10(2)(d))."))
    setting = _text(_("Setting"), _("Where and for whom the data hold (AI Act Art. 10(4))."))
    known_gaps = _text(_("Known gaps"), _("Shortcomings (AI Act Art. 10(2)(h)); write `none found` where that is so."))
    columns = forms.CharField(
        label=_("Column tags"),
        required=False,
        widget=_area(10),
        help_text=format_lazy(
            _("A line for each column, as `age: pii`; `age:` alone takes its tags off. The tags are {tags}."),
            tags=", ".join(cards.GOVERNANCE_TAGS),
        ),
    )
    reason = forms.CharField(label=_("What changed, and how you know"), max_length=10_000, widget=_area())
    replaces = forms.CharField(label=_("Replaces"), widget=forms.HiddenInput(), max_length=71)

    class Meta:
        model = DatasetCard
        fields = ("owner", "reason")

    written: DatasetCard | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        before = card_of(self.version)
        given = {name: _shown(getattr(before, name)) for name in cards.FIELDS if name not in ("columns", "owner")}
        given["special_categories"] = list(before.special_categories)
        given["columns"] = _columns_text(self.version, before)
        people = Person.objects.filter(is_active=True, is_service=False).order_by("username")
        owner = self.fields["owner"]
        assert isinstance(owner, forms.ModelChoiceField)  # noqa: S101  (declared above)
        owner.queryset = people
        given["owner"] = people.filter(pseudonym=before.owner).first()
        given["replaces"] = before.digest
        self.initial = {**given, **self.initial}

    def clean(self) -> dict[str, Any] | None:
        """Write the card, so that a refusal of the verb stands beside its field."""
        told = super().clean()
        if self.errors or told is None:
            return told
        try:
            self.written = write_card(
                actor=self.actor,
                version=self.version,
                document={name: self._value(name, told[name]) for name in cards.FIELDS if name != "owner"},
                reason=told["reason"],
                replaces=told["replaces"],
                owner=told["owner"],
            )
        except AssayError as error:
            self.add_error(error.field if error.field in self.fields else None, ours(error.problem))
        return told

    @staticmethod
    def _value(name: str, value: Any) -> Any:
        if name == "columns":
            return _columns_read(value)
        if name == "personal_data":
            return {"yes": True, "no": False}.get(value)
        if name in ("purposes", "regions", "data_subjects", "recipients"):
            return value.splitlines()
        return value


@admin.register(DatasetCard)
class DatasetCardAdmin(ReadOnlyAdmin):
    """Every revision of every card. Nothing is edited: a change is the next revision."""

    form = CardForm
    list_display = ("__str__", "standing", "owner", "card_digest", "written_by", "written_at")
    search_fields = ("dataset_version__dataset__slug", "digest", "reason")
    list_select_related = ("dataset_version__dataset", "owner", "written_by")
    ordering = ("-written_at", "-pk")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may write cards."""
        return isinstance(request.user, Person) and permits(request.user, "registry.add_datasetcard")

    def get_fields(self, request: HttpRequest, obj: DatasetCard | None = None) -> tuple[str, ...]:
        """The form when writing; the revision, its gaps and what it changed when reading."""
        if obj is None:
            return tuple(CardForm.base_fields)
        return (
            "dataset_version",
            "revision",
            "gaps",
            "changes",
            "card",
            "digest",
            "reason",
            "written_by",
            "written_at",
        )

    def get_readonly_fields(self, request: HttpRequest, obj: DatasetCard | None = None) -> tuple[str, ...]:
        """A revision never changes."""
        return () if obj is None else self.get_fields(request, obj)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The form for the data named in the address; without one, the list to choose from."""
        if self._version(request) is None:
            messages.info(request, _("Choose the data; the card is written from its page."))
            return redirect("admin:registry_datasetversion_changelist")
        title = {"title": _("Card of {version}").format(version=self._version(request)), **(extra_context or {})}
        return super().add_view(request, form_url, title)  # type: ignore[no-any-return]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form knows who writes, and on which data."""
        if obj is not None:
            return super().get_form(request, obj, change=change, form=forms.ModelForm, **kwargs)
        kwargs["fields"] = CardForm.Meta.fields
        form = super().get_form(request, obj, change=change, **kwargs)
        form.actor, form.version = request.user, self._version(request)
        return form

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> DatasetCard:
        """The verb has written the card already."""
        return form.written  # type: ignore[no-any-return]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The verb has kept it already."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """A card has no parts."""

    @staticmethod
    def _version(request: HttpRequest) -> DatasetVersion | None:
        key = request.GET.get("dataset_version", "")
        rows = DatasetVersion.objects.select_related("dataset__owner")
        return rows.filter(pk=int(key)).first() if key.isdecimal() and len(key) < 10 else None  # noqa: PLR2004

    @admin.display(description=_("standing"))
    def standing(self, row: DatasetCard) -> str:
        """Whether this revision counts now."""
        later = row.dataset_version.cards.filter(revision__gt=row.revision).exists()
        return badge("–", "replaced") if later else badge("●", "counts now", "ok")

    @admin.display(description=_("digest"))
    def card_digest(self, row: DatasetCard) -> str:
        """What checks and reports name."""
        return short_digest(row.digest)

    @admin.display(description=_("gaps"))
    def gaps(self, row: DatasetCard) -> str:
        """What is owed and missing."""
        return gap_badges(card_from_row(row, row.dataset_version))

    @admin.display(description=_("what it changed"))
    def changes(self, row: DatasetCard) -> str:
        """Each field with its value before and after."""
        earlier = row.dataset_version.cards.filter(revision__lt=row.revision).last()
        version = row.dataset_version
        before = (card_from_row(earlier, version) if earlier else declared_card(version)).to_document()
        after = card_from_row(row, version).to_document()
        changed = (
            (in_words(name), _said(before[name]), _said(after[name])) for name in after if before[name] != after[name]
        )
        return format_html_join("", "<p><strong>{}</strong>: {} → {}</p>", changed)

    @admin.display(description=_("card"))
    def card(self, row: DatasetCard) -> str:
        """The whole document."""
        return pretty_json(row.document)


def in_words(name: str) -> str:
    """What a field of the card is called in the reader's language."""
    return called(name.replace("_", " "))


def gap_badges(card: Card) -> str:
    """One badge for each missing fact."""
    gaps = card.gaps()
    if not gaps:
        return badge("●", "none", "ok")
    return format_html_join(" ", "{}", ((badge("△", in_words(name), "wait"),) for name in gaps))


def card_history(version: DatasetVersion, *, add_url: str) -> str:
    """Links to every revision, newest first, and to the form for the next one."""
    rows = [link(row) for row in version.cards.select_related("dataset_version__dataset").order_by("-revision")[:50]]
    button = format_html(
        '<a class="assay-link" href="{}?dataset_version={}">{}</a>', add_url, version.pk, _("write the next revision")
    )
    return format_html_join(" · ", "{}", ((row,) for row in [*rows, button]))


def _said(value: Any) -> str:
    return str(_("nothing")) if value in ("", [], {}, None) else str(value)


def _shown(value: Any) -> Any:
    """A field of a card as the form shows it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "\n".join(value) if isinstance(value, tuple) else value


def _columns_text(version: DatasetVersion, card: Card) -> str:
    """Tagged columns, and those the card names: to name one without a tag takes its tag off, so no other is listed."""
    told = ((column["name"], governance_tags(column)) for column in tagged_columns(version, card))
    return "\n".join(f"{name}: {', '.join(tags)}".rstrip() for name, tags in told if tags or name in card.columns)


def _columns_read(text: str) -> dict[str, list[str]]:
    """The lines of the form. Raises InvalidInputError for a line without a colon."""
    read = {}
    for line in filter(str.strip, text.splitlines()):
        name, colon, tags = line.rpartition(":")
        if not colon:
            raise InvalidInputError(f"Write `column: tag, tag`, not {line.strip()!r}.", field="columns")
        read[name.strip()] = [tag.strip() for tag in tags.split(",") if tag.strip()]
    return read
