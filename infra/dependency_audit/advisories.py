"""An advisory database that speaks OSV's language (`POST …/v1/querybatch`), asked about exact versions."""

from collections import defaultdict
from collections.abc import Sequence

import httpx
import msgspec

from infra.dependency_audit.locks import Package

#: Packages of one question; OSV takes a thousand.
AT_ONCE = 500


class NotAnswered(Exception):
    """The database was not reached, or what it said is no answer. The message says which, in Vietnamese."""


class _Advisory(msgspec.Struct):
    id: str


class _Result(msgspec.Struct):
    """What is known of one package; with a token there is more to ask for."""

    vulns: list[_Advisory] = []
    next_page_token: str = ""


class _Answer(msgspec.Struct):
    results: list[_Result]


def known_holes(address: str, packages: Sequence[Package]) -> dict[Package, list[str]]:
    """Package → ids of the advisories that name this very version. Raises NotAnswered."""
    found: defaultdict[Package, set[str]] = defaultdict(set)
    with httpx.Client(base_url=address, timeout=30) as client:
        for start in range(0, len(packages), AT_ONCE):
            asked = [(package, "") for package in packages[start : start + AT_ONCE]]
            while asked:
                more = []
                for (package, _), result in zip(asked, _ask(client, asked), strict=True):
                    found[package] |= {one.id for one in result.vulns}
                    if result.next_page_token:
                        more.append((package, result.next_page_token))
                asked = more
    return {package: sorted(ids) for package, ids in found.items() if ids}


def _ask(client: httpx.Client, asked: Sequence[tuple[Package, str]]) -> list[_Result]:
    queries = [
        {"package": {"ecosystem": one.ecosystem, "name": one.name}, "version": one.version}
        | ({"page_token": token} if token else {})
        for one, token in asked
    ]
    try:
        answer = client.post("/v1/querybatch", json={"queries": queries}).raise_for_status()
        results = msgspec.json.decode(answer.content, type=_Answer).results
    except httpx.HTTPError as error:
        raise NotAnswered(f"{type(error).__name__}: {error}") from error
    except msgspec.MsgspecError as error:
        raise NotAnswered("câu trả lời không đọc được") from error
    if len(results) != len(asked):
        raise NotAnswered("câu trả lời thiếu gói")
    return results
