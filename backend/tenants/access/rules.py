"""Decisions about proving who one is: pure functions."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from backend.core.actor import SignIn
from backend.tenants.access.schemas import PROOF_LASTS, Wanted
from backend.tenants.factors.schemas import Factor, Means
from backend.tenants.policies.schemas import Policies

#: For so long what became of an account is told at each sign-in, and for so long at least.
NEWS_LASTS, NEWS_STAYS = timedelta(days=7), timedelta(days=1)
#: Longer passwords are refused unread: nobody types them, and hashing them costs.
MAX_PASSWORD = 200
#: Factors that are added on an account's first day count at once: it was made with a link that only its person had.
FIRST_DAY = timedelta(days=1)


def normal(login: str) -> str:
    """A login as it is kept."""
    return login.strip().lower()


def is_proved(
    sign_in: SignIn, means: Means, now: datetime, born_at: datetime, *, for_factors: bool, trial: bool
) -> bool:
    """Whether the person has lately proved who they are; `born_at` is when their account was made.

    A passkey or a one-time code counts: for deeds about one's own factors and in a trial environment at once, for others
    once it may (`counts_from`). A recovery code counts for deeds about one's own factors; the password for those and in a
    trial environment, while the person has nothing stronger. An account elsewhere never counts: whoever runs it would
    come by factors that open all of the person's schools.
    """
    if now - sign_in.verified_at > PROOF_LASTS:
        return False
    factor = Factor(sign_in.factor)
    match factor:
        case Factor.PASSKEY | Factor.ONE_TIME_CODE:
            return for_factors or trial or counts_from(factor, means, born_at) <= now
        case Factor.RECOVERY_CODE:
            return for_factors
        case Factor.PASSWORD:
            return (for_factors or trial) and not means.strong
        case Factor.ELSEWHERE:
            return False


def counts_from(factor: Factor, means: Means, born_at: datetime) -> datetime:
    """From when on a passkey, or the code app, proves what a password must not bring about.

    What a password was enough to add does so when it may sign, a day later. Which of several keys was shown no session
    says, so while the youngest of them waits, all do; whoever finds a strange one removes it. Never, for a kind that
    the person has none of.
    """
    app = means.authenticator
    own = {
        Factor.PASSKEY: [(key.added_at, key.signing_from) for key in means.passkeys],
        Factor.ONE_TIME_CODE: [(app.confirmed_at, app.signing_from)] if app else [],
    }
    begins = [added if added - born_at < FIRST_DAY else signing for added, signing in own[factor]]
    return max(begins, default=datetime.max.replace(tzinfo=UTC))


def waits_until(sign_in: SignIn, means: Means, now: datetime, born_at: datetime) -> datetime | None:
    """Until when proving anything more is of no use; None where it helps, or where there is nothing that will count.

    All that the person has is new, or what they have just shown is.
    """
    if not means.strong:
        return None
    begins = {one: counts_from(one, means, born_at) for one in (Factor.PASSKEY, Factor.ONE_TIME_CODE)}
    is_fresh = now - sign_in.verified_at <= PROOF_LASTS
    shown = begins.get(Factor(sign_in.factor), now) if is_fresh else now
    first = min(begins.values())
    return first if first > now else shown if shown > now else None


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


def told_since(seen_until: datetime | None, now: datetime) -> datetime:
    """What became of an account after this is told at each sign-in."""
    return max(seen_until or datetime.min.replace(tzinfo=UTC), now - NEWS_LASTS)


def may_be_seen(now: datetime) -> datetime:
    """A person may say that they have seen what is older than this: nobody hides on the same day what they have done."""
    return now - NEWS_STAYS
