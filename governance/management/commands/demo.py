"""The main job end to end: register, measure, refuse or review, approve, seal, ask the gate, verify."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from governance.demo import registering
from governance.demo.people import CAST, PASSWORD, cast
from governance.demo.recipes import RecipeError
from governance.demo.service import Service, ServiceError, free_address
from governance.demo.story import State, Story, StoryError
from governance.demo.terminal import Terminal
from governance.models import PromotionRequest
from registry import verification
from registry.models import ModelVersion


class Command(BaseCommand):
    """`manage.py demo [--once] [--data FILE.csv]`."""

    help = (
        "Runs the whole job once on real data: two model versions are measured, one is refused, one is reviewed and "
        "approved, a pipeline asks the gate, a report is sealed and verified. Then serves the result."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options."""
        parser.add_argument("--once", action="store_true", help="exit when the story is told instead of serving")
        parser.add_argument("--data", type=Path, metavar="FILE.csv", help="your own table instead of the shipped one")
        parser.add_argument("--target", default="", metavar="COLUMN", help="with --data: the column to predict")
        parser.add_argument("--positive", default="", metavar="VALUE", help="with --data: the label to predict")
        parser.add_argument("--sensitive", default="", metavar="COLUMN,…", help="with --data: for whom to look")
        parser.add_argument("--bind", default="", metavar="HOST:PORT", help="where to serve (127.0.0.1:8000)")

    def handle(self, **options: Any) -> None:
        """Tell the story. Raises CommandError with what to do when it cannot be told."""
        if not settings.DEVELOPMENT:
            raise CommandError(
                "The demo makes people with a known password, so it runs with ASSAY_ENV=development only."
            )
        terminal = Terminal()
        terminal.title(
            "Assay",
            "May this exact model version go to this stage, who said so, on what evidence, under which rules?",
        )
        service = Service(options["bind"] or (free_address() if options["once"] else "127.0.0.1:8000"))
        terminal.step("Database, keys and people")
        call_command("migrate", verbosity=0, interactive=False)
        try:
            service.start()
            self._tell(terminal, service, options)
            if not options["once"]:
                terminal.say("\n   Serving; Ctrl-C stops.")
                service.wait()
        except (RecipeError, ServiceError, StoryError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            terminal.say("Stopped.")
        finally:
            service.stop()

    def _tell(self, terminal: Terminal, service: Service, options: dict[str, Any]) -> None:
        # The trainer needs scikit-learn and pandas, which the command line should not load for --help.
        from governance.demo import training  # noqa: PLC0415

        people = cast()
        terminal.say(
            f"web server and worker at {service.url}, SQLite and no broker to install"
            if _embedded()
            else f"web server and worker at {service.url}"
        )
        terminal.say(", ".join(f"{part.username} ({part.role.label if part.role else 'none'})" for part in CAST))
        story = Story(terminal, service, people)

        terminal.step("Policies: drafted by Carla, put into force by Rosa")
        for version in registering.put_policies_into_force(people):
            terminal.fact(str(version), f"{version.current_status:<9} {version.digest[:26]}…")

        terminal.step("Data and two model versions")
        tables = training.load_tables(
            options["data"],
            **(
                {
                    "target": options["target"],
                    "positive": options["positive"],
                    "sensitive": tuple(filter(None, options["sensitive"].split(","))),
                }
                if options["data"]
                else {}
            ),
        )
        first, second = self._versions(terminal, training, tables, people)

        terminal.step(f"{first} asks for staging")
        refused = story.ask_for(first, "staging", "It is simple, and ready.")
        if refused.state == State.BLOCKED:
            terminal.bad(f"The gate is closed for {first}.")

        terminal.step(f"{second} asks for staging")
        wanted = self._promote(story, story.ask_for(second, "staging", "Trained on documented data, nothing leaks."))
        if wanted.state == State.COMPLETED:
            terminal.step(f"{second} asks for production")
            wanted = self._promote(story, story.ask_for(second, "production", "Two quiet weeks in staging."))

        self._prove(terminal, story, first, second, wanted)
        self._farewell(terminal, service, wanted)

    def _versions(
        self, terminal: Terminal, training: Any, tables: Any, people: dict[str, Any]
    ) -> tuple[ModelVersion, ModelVersion]:
        maya, recipe = people["maya"], tables.recipe
        model = registering.register_the_model(tables, maya)
        if model.versions.count() >= 2:  # noqa: PLR2004  (an earlier demo made both)
            first, second = model.versions.order_by("number")[:2]
            return first, second
        export = registering.register_undocumented_export(tables, maya)
        halves = registering.register_documented_data(tables, maya)
        registering.write_cards(tables, halves, people["dora"])
        careless = training.train(tables.export, recipe.shortcut, recipe)
        careful = training.train(tables.train, _features(tables), recipe)
        first = registering.register_the_version(
            model=model,
            maya=maya,
            trained=careless,
            threshold=recipe.shortcut_threshold,
            tables=tables,
            datasets={"train": export, "evaluation": halves["evaluation"]},
            run="notebook-final-final",
        )
        second = registering.register_the_version(
            model=model,
            maya=maya,
            trained=careful,
            threshold=recipe.threshold,
            tables=tables,
            datasets=halves,
            run="train-2",
        )
        terminal.fact("purpose", recipe.purpose)
        terminal.fact("data", f"{len(tables.export)} rows: {recipe.source}")
        terminal.fact(str(first), f"learns from {', '.join(recipe.shortcut)}, on a copy of the whole export")
        terminal.fact(
            str(second), f"learns from {len(careful.features)} columns, on {len(tables.train)} rows set apart"
        )
        if recipe.threshold_reason:
            terminal.fact("threshold", f"{recipe.threshold}, because {recipe.threshold_reason}")
        return first, second

    def _promote(self, story: Story, request: PromotionRequest) -> PromotionRequest:
        """Waive what may be waived, review, complete; stops where the gate stays closed."""
        if request.state == State.BLOCKED:
            request = story.waive(request)
        if request.state == State.IN_REVIEW:
            request = story.review_all(request)
        if request.state == State.APPROVED:
            story.put_into_stage(request)
            request.refresh_from_db()
        if request.state != State.COMPLETED:
            story.terminal.bad(
                f"The request is {request.get_state_display()}; the gate to {request.to_stage} stays closed."
            )
        return request

    def _prove(
        self, terminal: Terminal, story: Story, first: ModelVersion, second: ModelVersion, wanted: PromotionRequest
    ) -> None:
        terminal.step("The deploy pipeline asks the gate over HTTP")
        token = story.pipeline_token()
        codes = (
            story.pipeline_asks(first, "staging", token),
            story.pipeline_asks(second, wanted.to_stage, token),
        )
        expected = (1, 0 if wanted.state == State.COMPLETED else 1)
        if codes != expected:
            raise StoryError(f"The gate client ended with {codes}, expected {expected}.")

        terminal.step("The sealed report, and a stranger's check of it")
        report = story.write_report(wanted)
        if story.verify(report) != 0:
            raise StoryError("The verifier did not accept the report.")
        forged = report.with_name("forged.pdf")
        content = bytearray(report.read_bytes())
        content[len(content) // 2] ^= 1
        forged.write_bytes(content)
        terminal.say("the same file with one byte changed:")
        if story.verify(forged) != 1:
            raise StoryError("The verifier accepted a forged report.")
        verified = verification.verify()
        terminal.good(f"ledger: {verified.size} entries recomputed, nothing differs")
        if verified.problem:
            raise StoryError(f"The ledger does not verify: {verified.problem}")
        self._report = report

    def _farewell(self, terminal: Terminal, service: Service, request: PromotionRequest) -> None:
        terminal.step("Now look yourself")
        terminal.fact("review page", f"{service.url}{request.get_absolute_url()}")
        terminal.fact("API", f"{service.url}/api/docs/")
        terminal.fact("logins", f"any name above, password {PASSWORD}")
        terminal.fact("report", str(self._report))
        options = " ".join(Story(terminal, service, {}).trust_options(self._report))
        terminal.fact("verify it", f"deploy/run python clients/assay_verify.py {self._report} {options}")
        terminal.fact(
            "try next", "sign in as maya and ask for a promotion; withdraw a dataset as dora and see gates close"
        )


def _features(tables: Any) -> list[str]:
    return [column["name"] for column in tables.columns() if "feature" in column["tags"]]


def _embedded() -> bool:
    return str(settings.CELERY_BROKER_URL).startswith("filesystem")
