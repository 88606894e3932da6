"""The second half of the demo: gates, reviews, a waiver, the pipeline's question, the report and its proof."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from audits.models import Report
from governance import reporting
from governance.access.roles import roles_of
from governance.access.tokens import issue_token
from governance.demo.people import PASSWORD
from governance.demo.service import Service
from governance.demo.terminal import Terminal
from governance.models import PromotionRequest, Review
from governance.promotions import complete, record_review, request_promotion, withdraw_request
from governance.waivers import decide_waiver, request_waiver
from registry import storage
from registry.models import ModelVersion, Person, WorkItem
from registry.signing import keyring

State = PromotionRequest.State
WAIT_SECONDS = 300.0


class StoryError(RuntimeError):
    """The story could not be told to its end; the message says where it broke off."""


@dataclass
class Story:
    """Tells what happens to two versions of one model, with real verbs, a real worker and a real HTTP client."""

    terminal: Terminal
    service: Service
    people: dict[str, Person]

    # -- Gates --------------------------------------------------------------------------------------------------------
    def ask_for(self, version: ModelVersion, stage: str, reason: str) -> PromotionRequest:
        """Maya asks, the worker measures, the gate judges; whatever is not satisfied is told with its numbers.

        What an earlier demo completed stands; what it left open is withdrawn and asked for again.
        """
        earlier = version.promotion_requests.filter(to_stage=stage).order_by("-requested_at").first()
        if earlier is not None and earlier.state == State.COMPLETED:
            self.terminal.good(f"{version} came to {stage} in an earlier demo")
            return earlier
        if earlier is not None and earlier.is_open:
            withdraw_request(actor=self.people["maya"], request=earlier, reason="The demo is told once more.")
        request = request_promotion(actor=self.people["maya"], version=version, to_stage=stage, reason=reason)
        self.terminal.fact("policy", f"{request.policy_version} gate {request.gate_name}")
        request = self._measured(request)
        findings = list(request.run.findings.all())
        satisfied = [finding for finding in findings if finding.outcome == "satisfied"]
        self.terminal.good(f"{len(satisfied)} of {len(findings)} criteria are satisfied")
        for finding in findings:
            if finding.outcome == "inconclusive":
                self.terminal.open_question(f"{finding.criterion_id}: {finding.explanation}")
            elif finding.outcome != "satisfied":
                self.terminal.bad(f"{finding.criterion_id}: {finding.explanation}")
        return request

    def review_all(self, request: PromotionRequest) -> PromotionRequest:
        """Different people fill the seats of the quorum, each signing with their own password."""
        seated: set[int] = {request.requested_by_id}
        for quorum in request.gate.quorum:
            for _ in range(quorum.count):
                reviewer = self._reviewer(request, quorum.role, seated)
                seated.add(reviewer.pk)
                request.refresh_from_db()
                record_review(
                    actor=reviewer,
                    request=request,
                    verdict=Review.Verdict.APPROVE,
                    role=quorum.role,
                    meaning=Review.Meaning.APPROVED,
                    reason="The evidence carries what the policy asks for this stage.",
                    subject_digest=request.subject_digest,
                    password=PASSWORD,
                )
                self.terminal.good(f"{reviewer.printed_name} approved as {quorum.role.replace('_', ' ')}")
        request.refresh_from_db()
        return request

    def waive(self, request: PromotionRequest) -> PromotionRequest:
        """For each inconclusive finding that may be waived: Maya asks with a compensating control, Rosa grants."""
        waivable = {criterion.id for criterion in request.gate.criteria if criterion.waivable}
        blocking = list(request.run.findings.exclude(outcome="satisfied"))
        if any(entry.criterion_id not in waivable or entry.outcome != "inconclusive" for entry in blocking):
            self.terminal.say(
                "No waiver is asked for: something else blocks that nobody may waive, or that is known bad."
            )
            return request
        for finding in blocking:
            waiver = request_waiver(
                actor=self.people["maya"],
                request=request,
                criterion_id=finding.criterion_id,
                justification="The group is too small in the register to settle this with the data there is.",
                compensating_control="A nurse looks at every patient of this group, whatever the model proposes.",
                expires_at=timezone.now() + timedelta(days=min(60, request.gate.waivers.max_days)),
            )
            decide_waiver(
                actor=self.people["rosa"],
                waiver=waiver,
                granted=True,
                role="risk_officer",
                reason="Acceptable until the register has grown, because the nurse sees these patients anyway.",
                password=PASSWORD,
            )
            self.terminal.good(f"Rosa waived {finding.criterion_id} until {waiver.expires_at:%Y-%m-%d}")
        request.refresh_from_db()
        return request

    def put_into_stage(self, request: PromotionRequest) -> None:
        """Mel completes an approved request; the gate is asked again while she does."""
        complete(actor=self.people["mel"], request=request)
        self.terminal.good(f"{request.version} is in {request.to_stage}")

    # -- The pipeline -------------------------------------------------------------------------------------------------
    def pipeline_token(self) -> str:
        """A token that can ask gates and nothing else."""
        issued = issue_token(
            actor=self.people["pipeline"],
            owner=self.people["pipeline"],
            label="demo pipeline",
            scopes=["gate:read"],
            expires_at=timezone.now() + timedelta(days=7),
        )
        return issued.secret

    def pipeline_asks(self, version: ModelVersion, stage: str, token: str) -> int:
        """Run the pipeline client over HTTP; its exit code is what a deploy job would act on."""
        asked = subprocess.run(
            [
                sys.executable,
                "clients/assay_gate.py",
                *("--url", self.service.url, "--model", version.model.slug, "--version", str(version.number)),
                *("--stage", stage, "--digest", version.artifact_digest),
            ],
            env={"ASSAY_TOKEN": token, "PATH": "/usr/bin:/bin"},
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            check=False,
        )
        for line in (asked.stdout + asked.stderr).strip().splitlines():
            self.terminal.say(line, "dim")
        return asked.returncode

    # -- The report ---------------------------------------------------------------------------------------------------
    def write_report(self, request: PromotionRequest) -> Path:
        """Wait for the sealed report of the last decision and write it where people find it."""
        decision = request.decisions.order_by("-decided_at")[0]
        number = reporting.report_number(decision)
        with self.terminal.waiting() as show:
            self._until(
                lambda: Report.objects.filter(number=number).exists(),
                lambda: show("the worker renders and seals the report"),
            )
        report = reporting.newest_report(request)
        if report is None:
            raise StoryError("The report is missing.")
        folder = Path(settings.ASSAY_DATA) / "demo"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{request.version.model.slug}-{request.version.number}-{request.to_stage}.pdf"
        path.write_bytes(storage.read_bytes(report.file_digest))
        (folder / "root.crt.pem").write_bytes(keyring().anchor_pem)
        (folder / "keys.json").write_text(json.dumps(keyring().published_keys(), indent=2), encoding="utf-8")
        return path

    def verify(self, path: Path) -> int:
        """Run the independent verifier on a file; its exit code."""
        checked = subprocess.run(
            [sys.executable, "clients/assay_verify.py", str(path), *self.trust_options(path)],
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            check=False,
        )
        for line in (checked.stdout + checked.stderr).strip().splitlines():
            self.terminal.say(line, "dim")
        return checked.returncode

    def trust_options(self, path: Path) -> list[str]:
        """What a reader gives the verifier: the trust anchor and the published keys."""
        return ["--trust", str(path.parent / "root.crt.pem"), "--keys", str(path.parent / "keys.json")]

    # -- Inside -------------------------------------------------------------------------------------------------------
    def _measured(self, request: PromotionRequest) -> PromotionRequest:
        planned = len(request.run.plan["checks"])
        with self.terminal.waiting() as show:

            def tell() -> None:
                done = list(request.run.observations.order_by("pk").values_list("check_id", flat=True))
                show(f"measuring: {len(done)} of {planned} checks done" + (f", last {done[-1]}" if done else ""))

            self._until(lambda: not self._is_auditing(request), tell)
        request.refresh_from_db()
        return request

    def _is_auditing(self, request: PromotionRequest) -> bool:
        return PromotionRequest.objects.filter(pk=request.pk, state=State.AUDITING).exists()

    def _until(self, done: Callable[[], bool], meanwhile: Callable[[], None]) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not done():
            if time.monotonic() > deadline:
                raise StoryError(f"The worker did not finish within {WAIT_SECONDS:.0f} s; see {self.service.log}.")
            dead = WorkItem.objects.filter(state=WorkItem.State.DEAD).first()
            if dead is not None:
                raise StoryError(f"The worker gave up on {dead}: {dead.last_error}")
            meanwhile()
            time.sleep(0.15)

    def _reviewer(self, request: PromotionRequest, role: str, seated: set[int]) -> Person:
        for person in self.people.values():
            if person.pk not in seated and role in roles_of(person, "registry.review_promotion", request.version.model):
                return person
        raise StoryError(f"Nobody in the demo reviews as {role}.")
