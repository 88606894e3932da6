"""`manage.py erase_person`: ask that a person be erased, and have somebody else confirm it."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from governance import erasures
from registry.errors import AssayError
from registry.models import Person


class Command(BaseCommand):
    """Without --confirm it shows what would be erased, and asks; with it, somebody else has it done."""

    help = (
        "Erase a person: names, credentials, texts that name them, and reports that print the name, which are sealed "
        "anew under the pseudonym. One person asks (--ground), another one confirms (--confirm); both hold the "
        "permission and give their password. Reports already handed out, and backups, cannot be erased from here."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who is erased, and who says so."""
        parser.add_argument("username")
        parser.add_argument("--as", dest="actor", metavar="USERNAME", help="who asks or confirms")
        parser.add_argument("--ground", default="", help="why, and why no duty to keep stands against it")
        parser.add_argument("--confirm", action="store_true", help="erase what somebody else has asked for")
        parser.add_argument("--otp", default="", help="a one-time code, for whoever has an authenticator")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Raises CommandError with what is wrong."""
        person = self._person(options["username"])
        self._show(person)
        if not options["actor"]:
            self.stdout.write("Nothing was changed. Ask with --as USERNAME --ground TEXT.")
            return
        actor = self._person(options["actor"])
        try:
            if options["confirm"]:
                self._confirm(person, actor, options["otp"])
            else:
                credential = {"password": self._password(actor), "otp": options["otp"]}
                asked = erasures.request_erasure(actor=actor, person=person, ground=options["ground"], **credential)
                self.stdout.write(f"Asked (no. {asked.pk}). Somebody else confirms it with --confirm --as USERNAME.")
        except AssayError as error:
            raise CommandError(str(error)) from error

    def _confirm(self, person: Person, actor: Person, otp: str) -> None:
        asked = erasures.confirmable(person)
        if asked is None:
            raise CommandError("Nobody has asked for it. Ask first, with --as USERNAME --ground TEXT.")
        self.stdout.write(f"Asked by {asked.requested_by.printed_name}: {asked.ground}")
        done = erasures.confirm_erasure(actor=actor, asked=asked, password=self._password(actor), otp=otp)
        self.stdout.write("Deleting files and overwriting the database …")
        erasures.finish_now()
        person.refresh_from_db()
        self.stdout.write(
            f"Erased. The record goes on as {person.username} ({person.pseudonym}); {done.record.rows} records and "
            f"{len(done.record.reports)} reports named the person. What was handed out, and backups, are not reached."
        )
        for place in done.remains:
            self.stdout.write(self.style.WARNING(f"still named in {place}: change it there"))

    def _show(self, person: Person) -> None:
        found = erasures.preview(person)
        self.stdout.write(f"{person.printed_name} ({person.pseudonym})")
        self.stdout.write(f"  {found.rows} records and {found.texts} texts hold a name of this person")
        self.stdout.write(f"  {len(found.reports)} reports print it: {', '.join(found.reports) or 'none'}")
        if found.gates:
            self.stdout.write(f"  {found.gates} gates that are open rest on a review of this person, and will close")
        if found.owned:
            self.stdout.write(f"  this person owns {', '.join(found.owned)}")

    def _password(self, actor: Person) -> str:
        return getpass.getpass(f"Password of {actor.get_username()}: ")

    @staticmethod
    def _person(username: str) -> Person:
        person = Person.objects.filter(username=username).first()
        if person is None:
            raise CommandError(f"There is nobody with the user name {username}.")
        return person
