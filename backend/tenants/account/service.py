"""A person's own account: how they sign in, and where they are signed in.

Each change stands in the audit of the school where the person is signed in.
"""

import uuid

from backend.core import audit
from backend.core.actor import Actor, SignIn
from backend.core.audit import Action
from backend.core.database import TenantSession, speak_for
from backend.core.errors import Invalid
from backend.tenants.access import service as access
from backend.tenants.account.schemas import AccountView, PasswordForm, WaitingApp
from backend.tenants.factors import service as factors
from backend.tenants.factors.schemas import Factor, PasskeyId


async def overview(session: TenantSession, sign_in: SignIn) -> AccountView:
    """Everything that the person may know of their account."""
    await speak_for(session, sign_in.account_id)
    return AccountView(
        login=await access.login_of(session, sign_in.account_id),
        means=await factors.means(session),
        sessions=tuple(await access.list_sessions(session, sign_in)),
        news=await access.account_news(sign_in.account_id),
        waits_until=await access.waits_until(session, sign_in),
    )


async def question_for_new_passkey(session: TenantSession, actor: Actor, sign_in: SignIn) -> str:
    """Options for the browser to make a passkey. Raises Conflict when there are too many."""
    login = await access.login_of(session, sign_in.account_id)
    asked_by = str(sign_in.session_id)
    return await factors.question_for_new_passkey(session, sign_in.account_id, asked_by, login, actor.name)


async def add_passkey(session: TenantSession, actor: Actor, sign_in: SignIn, answer: str, name: str) -> str:
    """Keep the passkey that the browser has made, which proves that the person holds it: the session's new token.

    Raises Invalid.
    """
    await speak_for(session, sign_in.account_id)
    trial = await access.is_trial(session)
    passkey_id = await factors.add_passkey(session, answer, str(sign_in.session_id), name, trial=trial)
    await _record(session, actor, Action.FACTOR_ADDED, Factor.PASSKEY, str(passkey_id))
    return await access.note_proof(session, sign_in, Factor.PASSKEY)


async def remove_passkey(session: TenantSession, actor: Actor, sign_in: SignIn, passkey_id: uuid.UUID) -> str:
    """Forget a passkey; returns its name. Raises NotFound for anybody else's."""
    await speak_for(session, sign_in.account_id)
    name = await factors.remove_passkey(session, PasskeyId(passkey_id))
    await _record(session, actor, Action.FACTOR_REMOVED, Factor.PASSKEY, str(passkey_id))
    return name


async def start_app(session: TenantSession, sign_in: SignIn) -> None:
    """Make a seed for a code app. Raises Conflict when one is in use."""
    await speak_for(session, sign_in.account_id)
    await factors.start_authenticator(session, sign_in.account_id)


async def waiting_app(session: TenantSession, sign_in: SignIn) -> WaitingApp:
    """The seed that the app is to take in now. Raises NotFound when none waits."""
    login = await access.login_of(session, sign_in.account_id)
    seed, picture = await factors.waiting_seed(session, sign_in.account_id, login)
    return WaitingApp(seed=seed, picture=picture)


async def confirm_app(session: TenantSession, actor: Actor, sign_in: SignIn, code: str) -> str:
    """Take the app into use by its first code, which proves that the person holds it: the session's new token.

    Raises Unproven, NotFound, TooManyTries.
    """
    await speak_for(session, sign_in.account_id)
    await factors.confirm_authenticator(session, sign_in.account_id, code)
    await _record(session, actor, Action.FACTOR_ADDED, Factor.ONE_TIME_CODE)
    return await access.note_proof(session, sign_in, Factor.ONE_TIME_CODE)


async def remove_app(session: TenantSession, actor: Actor, sign_in: SignIn) -> None:
    """Forget the code app. Raises NotFound when there is none."""
    await speak_for(session, sign_in.account_id)
    await factors.remove_authenticator(session)
    await _record(session, actor, Action.FACTOR_REMOVED, Factor.ONE_TIME_CODE)


async def new_recovery_codes(session: TenantSession, actor: Actor, sign_in: SignIn) -> list[str]:
    """Ten codes in place of all earlier ones, shown this once."""
    await speak_for(session, sign_in.account_id)
    codes = await factors.new_recovery_codes(session, sign_in.account_id)
    await audit.record(
        session, actor, Action.RECOVERY_CODES_MADE, actor.staff_id, actor.name, count=len(codes)
    )
    return codes


async def change_password(session: TenantSession, actor: Actor, sign_in: SignIn, form: PasswordForm) -> str:
    """Replace the password; the person's other sessions end, this one gets the returned token.

    Raises Invalid, Unproven, TooManyTries.
    """
    if form.chosen != form.again:
        raise Invalid("Hai lần nhập mật khẩu mới chưa giống nhau; xin nhập lại.")
    return await access.change_password(session, actor, sign_in, form.current, form.chosen)


async def _record(
    session: TenantSession, actor: Actor, action: Action, factor: Factor, key: str | None = None
) -> None:
    await audit.record(session, actor, action, actor.staff_id, actor.name, factor=factor, key=key)
