"""What can go wrong when deciding, one sentence each, grouped by who must act. HTTP exists only at the edge.

Every class of this page is a refusal: the verb changed nothing, and the ledger keeps that it was tried.
"""

from __future__ import annotations

from registry.errors import AssayError


class RefusalError(AssayError):
    """Somebody tried what the rules do not allow."""

    code = "refused"


# -- The caller must ask for something else ---------------------------------------------------------------------------
class OpenRequestExistsError(RefusalError):
    """A request for this version and stage is open already."""

    code = "request-open-already"


class NoGateError(RefusalError):
    """The policy has no gate from where the version is to where it should go."""

    code = "no-gate"


class NoPolicyError(RefusalError):
    """Not exactly one policy in force selects this model."""

    code = "no-single-policy"


class ProhibitedUseError(RefusalError):
    """The newest classification of the model says that its use is prohibited."""

    code = "prohibited-use"


class WrongStateError(RefusalError):
    """The request is not in a state in which this can be done."""

    code = "wrong-state"


class NotAffectedError(RefusalError):
    """The withdrawn data is not behind this version."""

    code = "not-affected"


class StaleSubjectError(RefusalError):
    """What the person signed is not what is in front of the gate any more."""

    code = "stale-subject"


class WaiverRenewalError(RefusalError):
    """A waiver is not prolonged: who wants another one asks for a new review of fresh evidence."""

    code = "waiver-renewal"


class NotWaivableError(RefusalError):
    """This finding cannot be waived."""

    code = "not-waivable"


class PolicyTextError(RefusalError):
    """The policy text is no valid policy."""

    code = "policy-invalid"


# -- Another person must act ------------------------------------------------------------------------------------------
class WrongCredentialError(RefusalError):
    """The credential given with the decision is not the person's own."""

    code = "wrong-credential"


class RoleNotHeldError(RefusalError):
    """The person does not hold the role in which they want to act on this model."""

    code = "role-not-held"


class RoleNotAskedError(RefusalError):
    """The gate asks for no review in this role."""

    code = "role-not-asked"


class SeparationOfDutiesError(RefusalError):
    """The person is too close to the thing decided: requester, author, or decider of the same."""

    code = "separation-of-duties"


class ServiceAccountError(RefusalError):
    """A service account cannot do what only a human being may decide."""

    code = "service-account"


class TooManyAttemptsError(RefusalError):
    """Too many wrong credentials were given for this person in a short time."""

    code = "too-many-attempts"
    retryable = True


class NotDelegableError(RefusalError):
    """This role cannot be delegated by this person, or not to that one."""

    code = "not-delegable"


class BreakGlassRefusedError(RefusalError):
    """The gate cannot be opened in an emergency, or not like this."""

    code = "break-glass-refused"


class DoubleReviewError(RefusalError):
    """The person has reviewed this round already."""

    code = "double-review"


# -- The gate is closed -----------------------------------------------------------------------------------------------
class GateClosedError(RefusalError):
    """The gate, asked at this moment, is closed."""

    code = "gate-closed"
