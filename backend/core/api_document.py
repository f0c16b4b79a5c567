"""What addresses for other systems say of themselves in the OpenAPI document: what they ask for, how they refuse."""

import uuid
from typing import Annotated, Any

import msgspec
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import HeaderParameter, QueryParameter

from backend.core import admission, csrf
from backend.core.admission import RouteClass


class ProblemPlace(msgspec.Struct, frozen=True, kw_only=True):
    """One place of the body that cannot be taken: `pointer` (RFC 6901) leads to it, `detail` says in Vietnamese why."""

    pointer: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A failure (RFC 9457); `detail` is a sentence in Vietnamese, `request_id` leads us to the log.

    `errors` is there when rows of a body were refused: all of them are named, and nothing was written.
    """

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: tuple[ProblemPlace, ...] = ()


ROOT = "/api/v1"
TOKEN_PATH = f"{ROOT}/oauth/token"
GUIDE_PATH = "/tai-lieu/api"
MOST = 200

Limit = Annotated[
    int, QueryParameter(ge=1, le=MOST, description="How many at most. / Nhiều nhất bao nhiêu mục.")
]
Cursor = Annotated[
    uuid.UUID | None,
    QueryParameter(description="`next_cursor` of the part before. / `next_cursor` của phần trước."),
]
IdempotencyKey = Annotated[
    str,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$(?!\n)",
        description=(
            "A text of your own, new for each deed and the same for each retry of it: a UUID, say. "
            "/ Một chuỗi do bên kết nối đặt, mới cho mỗi việc và giữ nguyên khi gửi lại việc đó."
        ),
        examples=[Example(summary="A UUID", value="4b0f3c9e-6f0e-4a3a-9f53-0f8f3a1b6c11")],
    ),
]


def problem(description: str) -> ResponseSpec:
    """A refusal (RFC 9457)."""
    return ResponseSpec(
        Problem, description=description, media_type="application/problem+json", generate_examples=False
    )


REFUSALS = {
    400: problem("The request cannot be read. / Yêu cầu không đọc được."),
    401: problem("No token, or one that has ended. / Không có mã truy cập, hoặc mã đã hết hạn."),
    403: problem("The token lacks the scope. / Mã truy cập không có quyền này."),
    422: problem(
        "A value is not what it should be; `errors` says where. / Dữ liệu sai; `errors` nêu từng chỗ."
    ),
    429: problem("Too many requests; `Retry-After` says how many seconds to wait. / Gọi quá nhiều lần."),
    503: problem("Something that is needed does not answer; try again later. / Xin thử lại sau."),
}
MISSING = {404: problem("The school has no such thing. / Trường không có mục này.")}
#: What a deed may be refused with besides.
OF_DEEDS = {
    409: problem(
        "The same `Idempotency-Key` is being worked on, or the school's state forbids the deed: nothing was written. "
        "/ Yêu cầu cùng khóa đang được xử lý, hoặc dữ liệu của trường chưa cho phép: chưa ghi gì."
    ),
    413: problem("The body is larger than 1 MB; send it in parts. / Nội dung lớn hơn 1 MB; xin chia nhỏ."),
}


def documented(scope: str, *more: dict[int, ResponseSpec]) -> dict[str, Any]:
    """What every address for holders of a key says of itself."""
    responses = dict(REFUSALS)
    for one in more:
        responses |= one
    return {
        "opt": {admission.OPTION: RouteClass.API},
        "include_in_schema": True,
        "security": [{"oauth2": [scope]}, {"token": []}],
        "responses": responses,
        "tags": [scope.partition(":")[0]],
    }


def documented_deed(scope: str) -> dict[str, Any]:
    """`documented` for an address that writes; it is no page's form, so no page's token comes with it."""
    said = documented(scope, OF_DEEDS)
    return said | {"opt": said["opt"] | {csrf.EXEMPT: "a machine without cookies shows its key"}}
