"""The life of a version as a table: every edge with everybody, every state with every deed, and the README draws it."""

from pathlib import Path

import pytest

import backend
from backend.core.actor import Actor
from backend.core.errors import Conflict, Forbidden, Invalid
from backend.core.ids import new_id
from backend.records.transcripts import rules
from backend.records.transcripts.models import STANDING
from backend.records.transcripts.rules import EDGES, STATE_NAMES, Edge
from backend.records.transcripts.schemas import ENDED, IN_FORCE, Deed, VersionState
from backend.tenants.permissions import Role, permissions_of
from tests.factories.version_summaries import summary_in

BACKEND = Path(backend.__path__[0])
MACHINE = [edge for edge in EDGES if edge.by is None]
PEOPLE = [edge for edge in EDGES if edge.by is not None]


def somebody(role: Role) -> Actor:
    return Actor(tenant_id=new_id(), staff_id=None, name="Ai đó", permissions=permissions_of([role]))


def drawn(edge: Edge) -> str:
    """The row of an edge in the README."""
    who = "machine" if edge.by is None else f"`{edge.by}`"
    stays = f"; noted in {', '.join(edge.stays)}, which stays" if edge.stays else ""
    cells = (edge.deed, ", ".join(edge.sources) + stays, edge.target, who, ", ".join(edge.asks), edge.when)
    return "| " + " | ".join(cell or "–" for cell in cells) + " |\n"


def test_the_readme_draws_every_edge() -> None:
    readme = (BACKEND / "records" / "README.md").read_text(encoding="utf-8")
    table = readme.partition(
        "| deed | from | to | who | asks for | when |\n| --- | --- | --- | --- | --- | --- |\n"
    )[2]
    assert table.partition("\n\n")[0] + "\n" == "".join(map(drawn, EDGES))


def test_every_deed_has_one_edge_and_every_state_a_way_in() -> None:
    assert sorted(edge.deed for edge in EDGES) == sorted(Deed)
    reached = {VersionState.FROZEN} | {edge.target for edge in EDGES}
    assert reached == set(VersionState) == STATE_NAMES.keys()


def deeds_from(state: VersionState) -> set[Deed]:
    return {edge.deed for edge in EDGES if state in edge.sources}


def test_nothing_leads_out_of_what_is_over() -> None:
    left = {state for edge in EDGES for state in edge.sources}
    assert left.isdisjoint({VersionState.CANCELLED, VersionState.REPLACED})
    assert deeds_from(VersionState.LOCKED) == {Deed.HAND_OVER, Deed.TAKE_OVER}, "its content changes no more"
    assert deeds_from(VersionState.TRANSFERRED_OUT) == {Deed.GIVE_BACK}, "here it is read, and no more"
    assert ENDED.isdisjoint(IN_FORCE)
    assert f"state not in ({', '.join(repr(one.value) for one in VersionState if one in ENDED)})" == STANDING


@pytest.mark.parametrize("edge", MACHINE, ids=lambda edge: edge.deed)
@pytest.mark.parametrize("state", VersionState)
def test_the_machine_does_a_deed_once_and_never_too_early(edge: Edge, state: VersionState) -> None:
    """Due in its sources; refused while they lie ahead, so that the job comes again; nothing to do after that."""
    if state in edge.sources or state in edge.stays:
        assert rules.is_due(state, edge.deed)
    elif not edge.back and any(source in _ahead(state) for source in edge.sources):
        with pytest.raises(Conflict, match=f"chưa thể {rules.DEED_WORDS[edge.deed]}"):
            rules.is_due(state, edge.deed)
    else:
        assert not rules.is_due(state, edge.deed)


def _ahead(state: VersionState) -> set[VersionState]:
    found, begun = set[VersionState](), {state}
    while begun:
        following = {edge.target for edge in EDGES for one in begun if one in edge.sources and not edge.back}
        begun = following - found
        found |= following
    return found


@pytest.mark.parametrize("edge", PEOPLE, ids=lambda edge: edge.deed)
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("state", VersionState)
def test_people_do_a_deed_with_its_permission_from_its_sources_alone(
    edge: Edge, role: Role, state: VersionState
) -> None:
    actor, version = somebody(role), summary_in(state)
    allowed = edge.by in actor.permissions and state in edge.sources
    assert rules.may(actor, version, edge.deed) is allowed
    if allowed:
        rules.require_may(actor, version, edge.deed)
        return
    wanted = Conflict if edge.by in actor.permissions else Forbidden
    with pytest.raises(wanted, match=r"Học bạ của Lò Thị An.*\.$"):
        rules.require_may(actor, version, edge.deed)


@pytest.mark.parametrize("edge", MACHINE, ids=lambda edge: edge.deed)
@pytest.mark.parametrize("role", Role)
def test_nobody_does_what_the_machine_does(edge: Edge, role: Role) -> None:
    for state in VersionState:
        actor, version = somebody(role), summary_in(state)
        assert not rules.may(actor, version, edge.deed)
        with pytest.raises(Forbidden, match=f"chỉ hệ thống {rules.DEED_WORDS[edge.deed]} được"):
            rules.require_may(actor, version, edge.deed)


def test_management_alone_takes_versions_back_and_the_office_hands_over() -> None:
    allowed = {
        edge.deed: {role for role in Role if edge.by is not None and edge.by in permissions_of([role])}
        for edge in PEOPLE
    }
    managing = {Role.PRINCIPAL, Role.DEPUTY_PRINCIPAL}
    assert allowed == {
        Deed.WITHDRAW: managing,
        Deed.RECALL: managing,
        Deed.HAND_OVER: managing | {Role.CLERK},
    }
    assert all({"reason", "step-up"} <= set(edge.asks) for edge in PEOPLE)


@pytest.mark.parametrize("typed", ["", "sai điểm", "  x" * 3, "x" * 501, "lý do có \u0000 bên trong"])
def test_reasons_that_are_none(typed: str) -> None:
    with pytest.raises(Invalid, match="Lò Thị An"):
        rules.checked_reason(typed, "Lò Thị An")


def test_a_reason_has_10_to_500_characters() -> None:
    for reason in ("mười ký tự", "x" * 500):
        assert rules.checked_reason(f"  {reason} ", "Lò Thị An") == reason
