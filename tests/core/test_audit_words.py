"""Every deed has its words, and every detail of one."""

import ast
import inspect
from collections.abc import Mapping

import msgspec
import pytest

from backend.core import audit
from backend.core.audit import Action, Outcome
from backend.core.audit_words import (
    ACTION_NAMES,
    AREAS,
    DETAIL_NAMES,
    DETAIL_VALUES,
    OUTCOME_NAMES,
    area_of,
    detail_name,
    detail_value,
    label_in_words,
    name_of,
)
from backend.core.ids import new_id
from backend.integrations.deliveries.rules import STATE_NAMES
from backend.integrations.imports.pages import FORM_NAMES
from backend.integrations.partner_api.schemas import FileKind
from backend.records.decisions.schemas import DecisionKind
from backend.records.gradebook.schemas import MarkKind
from backend.records.privacy.schemas import KIND_NAMES as REQUEST_KINDS
from backend.remote_signing.requests.rules import BatchState
from backend.remote_signing.requests.schemas import ROLE_NAMES as SIGNING_ROLES
from backend.remote_signing.unattended.service import STANDING
from backend.tenants.api_clients.schemas import SCOPE_NAMES
from backend.tenants.factors.schemas import FACTOR_NAMES
from backend.tenants.federation.schemas import KIND_NAMES as PROVIDER_KINDS
from backend.tenants.schools import rules as school_rules
from backend.tenants.schools.schemas import LEVEL_NAMES
from backend.tenants.subscriptions.schemas import PLAN_NAMES
from tests.architecture.source import backend
from tests.factories.signing_school import profile_of

#: Parameters of `audit.record` and of the functions of slices that call it; every other word is a detail.
_NOT_DETAILS = {*inspect.signature(audit.record).parameters} - {"details"}


def test_every_action_has_a_name_of_its_own() -> None:
    assert ACTION_NAMES.keys() == set(Action)
    assert len(set(ACTION_NAMES.values())) == len(Action)
    assert OUTCOME_NAMES.keys() == set(Outcome)


def test_every_action_has_an_area_and_every_area_an_action() -> None:
    assert {area_of(action) for action in Action} == set(AREAS.values())


def test_an_action_of_another_release_is_called_by_its_name() -> None:
    assert name_of(Action.TRANSCRIPT_READ) == "Xem học bạ"
    assert name_of("no.such.deed") == "no.such.deed"


def written_details(tree: ast.AST) -> set[str]:
    """Names of details in calls of `record` and `_record`, and in what is given to a `Deed`."""
    found = set()
    for function in (
        one for one in ast.walk(tree) if isinstance(one, ast.AsyncFunctionDef | ast.FunctionDef)
    ):
        calls = [one for one in ast.walk(function) if isinstance(one, ast.Call)]
        for call in calls:
            called = ast.unparse(call.func).rpartition(".")[2]
            if called in {"record", "_record"}:
                found |= {word.arg for word in call.keywords if word.arg} - _NOT_DETAILS
            elif called == "Deed":
                given = [*call.args[2:3], *(word.value for word in call.keywords if word.arg == "details")]
                found |= {name for one in given for name in names_in(one, function)}
    return found


def names_in(given: ast.expr, function: ast.AsyncFunctionDef | ast.FunctionDef) -> set[str]:
    """The keys of a dictionary that is written down, here or earlier in the function."""
    if isinstance(given, ast.Dict):
        return {ast.literal_eval(key) for key in given.keys if key}
    if isinstance(given, ast.Name):
        assigned = [
            one.value
            for one in ast.walk(function)
            if isinstance(one, ast.AnnAssign) and ast.unparse(one.target) == given.id and one.value
        ]
        words = function.args.kwarg
        assert assigned or (words and words.arg == given.id), (
            f"{given.id}: the test cannot read these details"
        )
        return {name for one in assigned for name in names_in(one, function)}
    assert ast.unparse(given) in ELSEWHERE, f"{ast.unparse(given)}: the test cannot read these details"
    return set()


#: Details whose names stand in the calls of `_record`, or come from a school's profile: tested by themselves.
ELSEWHERE = {"dict(details)", "rules.differences(old, new)", "rules.details(view.subject, new) | moved"}


def test_every_detail_that_is_written_has_a_name() -> None:
    found = {name for module in backend().values() for name in written_details(module.tree)}
    assert {"count", "signed_sha256", "cell", "batch", "answer_by"} <= found, "each way to write one is read"
    assert [name for name in sorted(found) if detail_name(name) == name] == []


def test_every_part_of_a_school_that_may_change_has_a_name() -> None:
    one, other = (profile_of(new_id(), name) for name in ("Trường A", "Trường B"))
    changed = msgspec.structs.replace(
        other, tax_code="9", ward="x", address="y", phone="z", levels=(*one.levels, "other")
    )
    told = {name: detail_name(name) for name in school_rules.differences(one, changed)}
    assert {"old_address", "new_name", "new_phone"} <= told.keys()
    assert [name for name, words in told.items() if name == words] == ["old_code", "new_code"], (
        "the code stays"
    )


def test_a_detail_of_another_release_is_called_by_its_name() -> None:
    assert detail_name("old_title") == "Chức danh trước khi sửa"
    assert detail_name("new") == DETAIL_NAMES["new"]
    assert detail_name("no_such_part") == "no_such_part"


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("factor", FACTOR_NAMES),
        ("factor", {STANDING: None}),
        ("role", SIGNING_ROLES),
        ("state", STATE_NAMES | dict.fromkeys(BatchState)),
        ("kind", PROVIDER_KINDS),
        ("kind", {form: name for form, (name, _) in FORM_NAMES.items()}),
        ("kind", dict.fromkeys(DecisionKind)),
        ("kind", REQUEST_KINDS),
        ("scopes", SCOPE_NAMES),
        ("file", dict.fromkeys(FileKind)),
        ("plan", PLAN_NAMES),
        ("levels", LEVEL_NAMES),
        ("cell", dict.fromkeys(MarkKind)),
    ],
)
def test_codes_have_words_and_those_of_their_pages(detail: str, words: Mapping[str, str | None]) -> None:
    for code, told in words.items():
        assert detail_value(detail, str(code)) != str(code)
        assert told in (None, DETAIL_VALUES[detail][str(code)])


def test_what_is_no_code_stays_as_it_is() -> None:
    assert detail_value("scopes", "classes:read students:read").startswith("Danh sách lớp; Họ tên")
    assert detail_value("new_plan", "standard") == "Tiêu chuẩn"
    assert detail_value("starts_on", "2026-09-05") == "05/09/2026"
    assert detail_value("factor", "of_another_release") == "of_another_release"
    assert detail_value("scopes", "classes:read strange") == "classes:read strange"
    assert detail_value("reason", "password") == "password"
    assert label_in_words("school_seal") == "Con dấu số nhà trường"
    assert label_in_words("Nguyễn Thị Hoa") == "Nguyễn Thị Hoa"
