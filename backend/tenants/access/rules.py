"""Decisions about proving who one is: pure functions."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import takewhile

from backend.core.actor import SignIn
from backend.tenants.access.schemas import PROOF_LASTS, AccountDeed, Tries, Wanted
from backend.tenants.factors.schemas import Factor, Means
from backend.tenants.policies.schemas import Policies

#: So many wrong tries within the window lock a login, each time three times as long as the time before.
MOST_WRONG, WINDOW = 10, timedelta(minutes=15)
FIRST_LOCK, LONGEST_LOCK = timedelta(minutes=5), timedelta(hours=1)
#: For so long after the last try earlier locks are remembered.
MEMORY = timedelta(days=1)


def is_proved(sign_in: SignIn, means: Means, now: datetime, *, for_factors: bool, trial: bool) -> bool:
    """Whether the person has lately proved who they are.

    A passkey or a one-time code counts. A recovery code counts for deeds about one's own factors; the password for those
    and in a trial environment, while the person has nothing stronger. An account elsewhere never counts: whoever runs
    it would come by factors that open all of the person's schools.
    """
    if now - sign_in.verified_at > PROOF_LASTS:
        return False
    factor = Factor(sign_in.factor)
    match factor:
        case Factor.PASSKEY | Factor.ONE_TIME_CODE:
            return True
        case Factor.RECOVERY_CODE:
            return for_factors
        case Factor.PASSWORD:
            return (for_factors or trial) and not means.strong
        case Factor.ELSEWHERE:
            return False


def is_strong(factor: Factor) -> bool:
    """Whether this is a factor of the person's own that no stolen password opens."""
    return factor in (Factor.PASSKEY, Factor.ONE_TIME_CODE)


def is_enough(factor: Factor, roles: Iterable[str], policies: Policies) -> bool:
    """Whether a session that has shown `factor` is what the school asks of somebody with these roles."""
    if is_strong(factor):
        return True
    if policies.second_factor_roles.intersection(roles):
        return False
    return policies.password_alone or factor is Factor.ELSEWHERE


def wanted(
    means: Means, now: datetime, statement: str, *, signing: bool, for_factors: bool, trial: bool
) -> Wanted:
    """What the person may prove themselves with now. For signing a new factor first waits until its day has come."""
    app = means.authenticator
    return Wanted(
        passkey=any(not signing or key.signing_from <= now for key in means.passkeys),
        code=app is not None and (not signing or app.signing_from <= now),
        recovery=for_factors and means.recovery_codes > 0,
        password=(for_factors or trial) and not means.strong,
        statement=statement,
        waits_until=min((one for one in means.signing_from if one > now), default=None),
    )


def since_last_sign_in(deeds: Sequence[AccountDeed]) -> list[AccountDeed]:
    """What became of an account since its person last signed in, who has before; the newest first, as they come."""
    since = list(takewhile(lambda one: not one.is_sign_in, deeds))
    return since if len(since) < len(deeds) else []


def one_more(before: Tries, now: datetime) -> Tries:
    """What is counted after one more try that is not known to be right; the last of a measure locks."""
    is_new = before.since is None or now - before.since > WINDOW
    wrong = 1 if is_new else before.wrong + 1
    if wrong < MOST_WRONG:
        return Tries(wrong=wrong, since=now if is_new else before.since, locks=before.locks)
    lasts = min(FIRST_LOCK * 3 ** min(before.locks, 9), LONGEST_LOCK)
    return Tries(locks=before.locks + 1, locked_until=now + lasts)
