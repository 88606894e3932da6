"""`/authenticators/`: enrolled by their owner, confirmed or retired by somebody else who manages people."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response
from governance.api.bodies import SignedBody
from governance.api.idempotency import idempotent
from governance.models import TotpDevice
from governance.signatures import enrolments
from registry.authority import permits
from registry.errors import UnknownSubjectError
from registry.models import Person


class OwnershipBody(SignedBody):
    """The code that its owner reads out now, and the credential of whoever confirms."""

    code = serializers.CharField(max_length=12)


class AuthenticatorDocument(serializers.ModelSerializer[TotpDevice]):
    """An authenticator; it counts from `confirmed_at` until `retired_at`."""

    person = serializers.CharField(source="person.username", read_only=True)
    confirmed_by = serializers.CharField(source="confirmed_by.username", read_only=True, allow_null=True, default=None)

    class Meta:
        model = TotpDevice
        fields = ("id", "person", "enrolled_at", "confirmed_at", "confirmed_by", "retired_at")


class EnrolmentDocument(AuthenticatorDocument):
    """A new authenticator, in the one moment in which its secret is shown."""

    secret = serializers.CharField(read_only=True, allow_null=True)
    address = serializers.CharField(read_only=True, allow_null=True, help_text="What a QR code carries (otpauth://)")

    class Meta(AuthenticatorDocument.Meta):
        fields = (*AuthenticatorDocument.Meta.fields, "secret", "address")  # type: ignore[assignment]


class AuthenticatorList(ApiView):
    """Authenticators, and new ones."""

    scopes = {"GET": (Scope.ADMIN, Scope.REVIEW_WRITE), "POST": (Scope.REVIEW_WRITE,)}
    untied_only = ("GET", "POST")
    serializer_class = AuthenticatorDocument
    ordering_fields = ("enrolled_at",)
    ordering = ("-enrolled_at",)
    queryset = TotpDevice.objects.none()

    @extend_schema(
        summary="List authenticators", tags=["authenticators"], responses={200: AuthenticatorDocument(many=True)}
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """Your own, or everybody's for whoever manages people."""
        return self.page(_seen_by(self.actor))

    @extend_schema(
        summary="Enrol an authenticator",
        tags=["authenticators"],
        request=SignedBody,
        responses={201: EnrolmentDocument},
    )
    @idempotent(withhold=("secret", "address"))
    def post(self, request: Request) -> Response:  # noqa: ARG002
        """Keep the secret now: it is shown once. It counts when somebody else has confirmed that it is yours."""
        made = enrolments.enrol_authenticator(actor=self.actor, **self.body(SignedBody))
        document: dict[str, Any] = {
            **AuthenticatorDocument(made.device).data,
            "secret": made.secret,
            "address": made.address,
        }
        return Response(document, status=201)


class AuthenticatorConfirm(ApiView):
    """Somebody else saw whose it is."""

    scopes = {"POST": (Scope.ADMIN,)}
    untied_only = ("POST",)
    serializer_class = AuthenticatorDocument

    @extend_schema(
        summary="Confirm an authenticator",
        tags=["authenticators"],
        request=OwnershipBody,
        responses={200: AuthenticatorDocument},
    )
    @idempotent()
    def post(self, request: Request, key: int) -> Response:  # noqa: ARG002
        """Signed by whoever manages people, never by its owner; a former one of that person is retired."""
        device = _named(self.actor, key)
        enrolments.confirm_authenticator(actor=self.actor, device=device, **self.body(OwnershipBody))
        return Response(AuthenticatorDocument(_named(self.actor, key)).data)


class AuthenticatorRetire(ApiView):
    """It is lost or replaced."""

    scopes = {"POST": (Scope.ADMIN,)}
    untied_only = ("POST",)
    serializer_class = AuthenticatorDocument

    @extend_schema(
        summary="Retire an authenticator",
        tags=["authenticators"],
        request=SignedBody,
        responses={200: AuthenticatorDocument},
    )
    @idempotent()
    def post(self, request: Request, key: int) -> Response:  # noqa: ARG002
        """Signed by whoever manages people, never by its owner."""
        enrolments.retire_authenticator(actor=self.actor, device=_named(self.actor, key), **self.body(SignedBody))
        return Response(AuthenticatorDocument(_named(self.actor, key)).data)


def _seen_by(person: Person) -> Any:
    rows = TotpDevice.objects.select_related("person", "confirmed_by")
    return rows if permits(person, enrolments.MANAGE) else rows.filter(person=person)


def _named(person: Person, key: int) -> TotpDevice:
    """The device, if the person may know of it. Raises UnknownSubjectError."""
    device: TotpDevice | None = _seen_by(person).filter(pk=key).first()
    if device is None:
        raise UnknownSubjectError(f"There is no authenticator {key}.")
    return device
