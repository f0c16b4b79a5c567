"""The profiles of Authorities as the operator reads them: all editions, one whole, two beside each other. Read only."""

import asyncio
from collections import defaultdict
from functools import lru_cache

from backend.core.errors import NotFound
from backend.integrations.authorities import service as authorities
from backend.integrations.authorities.schemas import BoundSchool
from backend.integrations.operations import profile_words
from backend.integrations.operations.schemas import Comparison, EditionLine, EditionPage
from backend.integrations.profiles import catalog, comparing
from backend.integrations.profiles.catalog import Edition
from backend.integrations.profiles.reading import BadProfile


async def listed(operator: str) -> list[EditionLine]:
    """All editions, drafts too, and who is bound to each. That the operator looked is written into the platform's log."""
    bound = await _bound(operator)
    offered = {one.profile for one in await asyncio.to_thread(authorities.offered)}
    return [
        await asyncio.to_thread(_line, profile_id, bound[profile_id], profile_id in offered)
        for profile_id in catalog.ids()
    ]


async def shown(operator: str, profile_id: str) -> EditionPage:
    """One edition. Raises NotFound for an id that there is not, and for a file that cannot be read as a profile."""
    edition = await asyncio.to_thread(_found, profile_id)
    bound = await _bound(operator)
    offered = {one.profile for one in await asyncio.to_thread(authorities.offered)}
    path = catalog.path_of(profile_id)
    return EditionPage(
        line=_line(profile_id, bound[profile_id], profile_id in offered),
        profile=edition.profile,
        digest=edition.digest,
        facts=tuple(profile_words.facts_of(edition.profile)),
        calls=tuple(profile_words.calls_of(edition.profile)),
        goldens=tuple(await asyncio.to_thread(lambda: list(comparing.held(edition, path)))),
        others=tuple(one for one in authorities.editions_of(profile_id) if one != profile_id),
        source=path.read_text("utf-8"),
    )


async def compared(first: str, second: str) -> Comparison:
    """In what two editions differ. Raises NotFound."""

    def lines() -> tuple[str, ...]:
        return tuple(comparing.differences(_found(first), _found(second)))

    return Comparison(first=first, second=second, lines=await asyncio.to_thread(lines))


async def _bound(operator: str) -> defaultdict[str, tuple[BoundSchool, ...]]:
    found: defaultdict[str, tuple[BoundSchool, ...]] = defaultdict(tuple)
    for school in await authorities.bound_schools(operator):
        found[school.profile] += (school,)
    return found


def _found(profile_id: str) -> Edition:
    if profile_id not in catalog.ids():
        raise NotFound(f"Không có hồ sơ kết nối {profile_id}.")
    try:
        return _loaded(profile_id, catalog.path_of(profile_id).stat().st_mtime_ns)
    except BadProfile as error:
        raise NotFound(f"Hồ sơ kết nối {profile_id} không dùng được: {error}") from error


@lru_cache(maxsize=64)
def _loaded(profile_id: str, changed_at: int) -> Edition:
    """To read and check one takes a while; a draft may change while the console runs."""
    return catalog.load(catalog.path_of(profile_id), dict(authorities.trusted_keys()))


def _line(profile_id: str, bound: tuple[BoundSchool, ...], is_offered: bool) -> EditionLine:
    try:
        edition = _found(profile_id)
    except NotFound as error:
        return EditionLine(profile=profile_id, bound=bound, problem=error.message)
    profile = edition.profile
    return EditionLine(
        profile=profile_id,
        title=profile.authority.name,
        confirmed=profile.confirmed,
        environment=profile.environment,
        effective_from=profile.authority.effective_from,
        effective_until=profile.authority.effective_until,
        transport=profile_words.TRANSPORTS[profile.transport.kind],
        auth=profile_words.auth_of(profile.auth),
        signed_by=_signer(profile_id) if edition.published else "",
        is_offered=is_offered,
        bound=bound,
    )


def _signer(profile_id: str) -> str:
    line = catalog.signature_path(catalog.path_of(profile_id)).read_text("utf-8")
    return line.partition(" ")[0]
