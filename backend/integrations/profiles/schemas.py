"""What a profile may say: how one Authority is talked to, as data (format 2).

Every struct refuses keys that it does not know, and holds no key without effect. Paths are JMESPath, predicates CEL.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$(?!\n)", max_length=40)]
ProfileId = Annotated[str, Meta(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*/[1-9][0-9]*$(?!\n)", max_length=80)]
Path = Annotated[str, Meta(min_length=1, max_length=300)]
Predicate = Annotated[str, Meta(min_length=1, max_length=500)]
Words = Annotated[str, Meta(min_length=1, max_length=300)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]

Format = Literal["json", "xml", "soap", "csv", "xlsx"]
#: A file beside the profile; the platform's signature covers it, too.
FileName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]*$(?!\n)", max_length=100)]
Action = Literal["submit", "replace", "recall"]
#: What a leaf becomes.
Kind = Literal["text", "integer", "decimal", "date", "flag", "upper", "base64"]
#: What an answer means. What no rule takes is unknown: neither accepted nor rejected.
Meaning = Literal[
    "received", "accepted", "locked", "rejected", "processing", "not_found", "wait", "refused", "renew"
]
#: Who can do something about an error of the Authority.
ErrorClass = Literal["fix_data", "fix_config", "resend_same", "wait", "ask_human"]
#: What a simulator of the Authority finds wrong; an error that names it is how this Authority says so.
Finding = Literal[
    "envelope", "message_id", "action", "lookup_code", "version", "pdf_sha256", "reason", "package", "package_sha256",
    "package_xml", "package_dtd", "package_part", "package_code", "reference", "other_record", "locked", "recalled",
    "replaced", "reused_id",
]  # fmt: skip


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message about one version, as the paths of a profile see it. A recall carries no package.

    `message_id` = `sender_code` + 32 hex characters; it belongs to the delivery and stays on a resend. `sha256` is the
    digest of the XML package, `pdf_sha256` that of the signed PDF. `refers_to` is the id of the message that a recall or
    a replacement is about, `reason` why it is recalled, `queued_at` (ISO 8601) when the message was made; `record` the
    content of the version, where the profile maps it.
    """

    message_id: str
    sender_code: str
    action: str
    lookup_code: str
    version: int
    sha256: str
    package_xml: bytes
    pdf_sha256: str
    refers_to: str | None = None
    reason: str | None = None
    queued_at: str = ""
    record: Mapping[str, Any] | None = None


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Node(_Strict, frozen=True, kw_only=True):
    """One place of the tree that is written: exactly one of `path`, `value`, `parameter`, `fields`, `each`, `use`.

    `fields` names its children (`@name` is an XML attribute, `#text` the text beside them). `each` repeats `do` for every
    item of a list. `use` is a part of the profile. A leaf that comes to nothing is an error unless it is
    `optional` (then it is left out) or may be `empty` (then it is there and empty, as a column is).
    """

    path: Path | None = None
    value: str | int | bool | None = None
    parameter: Name | None = None
    fields: dict[str, "Node"] | None = None
    each: Path | None = None
    do: "Node | None" = None
    use: Name | None = None
    when: Predicate | None = None
    kind: Kind = field(default="text", name="as")
    places: Annotated[int, Meta(ge=0, le=4)] = 1
    form: str = "%d/%m/%Y"
    codelist: Name | None = None
    max: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    optional: bool = False
    empty: bool = False


class Fact(_Strict, frozen=True, kw_only=True):
    """Something that is read off an answer: a text (empty where there is none) or a list."""

    path: Path
    kind: Literal["text", "list"] = field(default="text", name="as")


class Errors(_Strict, frozen=True, kw_only=True):
    """Where an answer lists its errors, and the three words of each."""

    each: Path
    code: Path
    field: Path | None = None
    message: Path | None = None


class Example(_Strict, frozen=True, kw_only=True):
    """An answer as the Authority writes it. The rule must take it (`hocba profile test`); the simulator gives it."""

    body: Node
    status: Annotated[int, Meta(ge=100, le=599)] = 200


class Rule(_Strict, frozen=True, kw_only=True):
    """The first rule whose predicate holds says what an answer means.

    Unless it says `uncorrelated`, the answer must name our message. `reference` is the fact with the Authority's number.
    """

    when: Predicate
    meaning: Meaning = field(name="is")
    example: Example
    reference: Name | None = None
    uncorrelated: bool = False


class Signed(_Strict, frozen=True, kw_only=True):
    """An answer that is a compact JWS by the holder of this certificate; what it holds is read, anything else is none."""

    certificate: FileName


class Answer(_Strict, frozen=True, kw_only=True):
    """How an answer is read. `message_id` is the fact in which the Authority repeats the id of our message.

    `signed`: only what the Authority itself has signed is believed.
    """

    format: Format
    signed: Signed | None = None
    facts: dict[Name, Fact]
    message_id: Name
    rules: Annotated[tuple[Rule, ...], Meta(min_length=1, max_length=40)]
    errors: Errors | None = None


class Schema(_Strict, frozen=True, kw_only=True):
    """A file beside the profile to which everything that is written must hold before it leaves."""

    kind: Literal["xsd", "schematron", "json_schema"]
    file: FileName


class Xades(_Strict, frozen=True, kw_only=True, tag_field="kind", tag="xades"):
    """XAdES over the element with this Id, put into an empty place outside of it (paths from the root).

    `key` is the secret that holds the school's key with its certificates; without one, the platform's sending key signs.
    """

    id: Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,59}$(?!\n)")]
    path: Path
    place: Path
    key: Name | None = None


class Jws(_Strict, frozen=True, kw_only=True, tag_field="kind", tag="jws"):
    """What leaves is a compact JWS (RFC 7515) with the certificates in its header; `key` as with XAdES."""

    key: Name | None = None


class Cms(_Strict, frozen=True, kw_only=True):
    """What leaves can be read by the holder of this certificate (RSA) alone: CMS EnvelopedData (RFC 5652), DER."""

    certificate: FileName


class Sheet(_Strict, frozen=True, kw_only=True):
    """The Authority's own workbook, whose header stays: the tree's names are columns, lines begin at `first_row`.

    `number` is the column that counts them. The receipt of a portal is read as such lines, too.
    """

    template: FileName
    first_row: Annotated[int, Meta(ge=2, le=100)]
    number: Annotated[str, Meta(pattern=r"^[A-Z]{1,2}$(?!\n)")] | None = None


class Layout(_Strict, frozen=True, kw_only=True):
    """How lines of these grades are written, where a portal has a workbook of its own for them."""

    grades: Annotated[tuple[Annotated[int, Meta(ge=1, le=12)], ...], Meta(min_length=1)]
    sheet: Sheet
    tree: Node


class Body(_Strict, frozen=True, kw_only=True):
    """What is written: one tree. XML has one root, in SOAP (1.1) that of its body; CSV and xlsx are one line or a list.

    `namespaces` are prefixes of XML. Then, in this order: it is held to `schemas`, signed, put into a ZIP under the name
    `zip` (may name `{message_id}`), and encrypted. `layouts` take the place of `sheet` and `tree` for their grades.
    """

    format: Format
    tree: Node
    namespaces: dict[str, str] = {}
    schemas: tuple[Schema, ...] = ()
    sign: Xades | Jws | None = None
    zip: Annotated[str, Meta(pattern=r"^[A-Za-z0-9{}._-]+$(?!\n)", max_length=100)] | None = None
    encrypt: Cms | None = None
    sheet: Sheet | None = None
    layouts: tuple[Layout, ...] = ()


class Operation(_Strict, frozen=True, kw_only=True):
    """One call. `path` may name `{message_id}`, `{sender_code}` and parameters; `soap_action` only with SOAP.

    With SFTP, what is sent is a file, and the file's place is all the answer there is; what is asked for is a file, too.
    """

    path: Annotated[str, Meta(pattern=r"^/[^?#]*$(?!\n)", max_length=200)]
    answer: Answer | None = None
    method: Literal["GET", "POST", "PUT"] = "POST"
    body: Body | None = None
    soap_action: str | None = None


#: What an Authority's list says of a message that it has.
Standing = Literal["accepted", "locked", "rejected", "processing", "recalled", "replaced"]


class Listing(_Strict, frozen=True, kw_only=True):
    """What the Authority has of a school, asked for page by page.

    `path` names `{sender_code}` and `{page}`, which counts from 1: with REST it is got, with SFTP it is a file. With SOAP
    the question is a `body`, whose paths are `sender_code` and `page`. `total` is how many the whole list has, so that a
    list of which a part is missing is not taken for one. The other paths start at an item of `each`; `states` says what
    the Authority's words mean. `example` writes such a page of `total` and `items`: the simulator gives it.
    """

    path: Annotated[str, Meta(pattern=r"^/[^?#]*$(?!\n)", max_length=200)]
    format: Literal["json", "xml", "soap"]
    total: Path
    each: Path
    message_id: Path
    lookup_code: Path
    version: Path
    sha256: Path
    state: Path
    states: dict[str, Standing]
    example: Node
    body: Node | None = None
    namespaces: dict[str, str] = {}
    soap_action: str | None = None


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One message as the Authority has it."""

    message_id: str
    lookup_code: str
    version: str
    sha256: str
    state: Standing


class Timeouts(_Strict, frozen=True, kw_only=True):
    """Seconds."""

    connect: Seconds = 5.0
    total: Seconds = 60.0


class Waiver(_Strict, frozen=True, kw_only=True):
    """The platform's written consent to a wire without TLS: the document, who signed it, until when it holds."""

    document: Words
    signed_by: Words
    until: date


class Transport(_Strict, frozen=True, kw_only=True):
    """How bytes travel. `address` is the Authority's; a sandbox has none, the platform says where its simulator is.

    That of SFTP ends in the fingerprint of the host's key (`sftp://host:22#SHA256:…`). `authorities` are the only ones
    (PEM) whose certificates are believed there. An address without TLS takes a `waiver`, messages signed and closed for
    the Authority alone, answers that it has signed, and nothing of ours that is secret; besides, the platform's settings
    name the profile (HOCBA_PLAIN_HTTP). At a portal a person uploads what we write and brings its receipt;
    `steps` are what the person does there.
    """

    kind: Literal["rest", "soap", "sftp", "manual_portal"]
    address: (
        Annotated[
            str,
            Meta(
                pattern=r"^(?:https?://[^/?#@\s]+(/[^?#\s]*)?[^/\s]|sftp://[^/?#@\s]+#SHA256:[A-Za-z0-9+/]{43})$(?!\n)"
            ),
        ]
        | None
    ) = None
    timeouts: Timeouts = Timeouts()
    max_answer: Annotated[int, Meta(ge=1, le=5_242_880)] = 1_048_576
    authorities: FileName | None = None
    waiver: Waiver | None = None
    steps: tuple[Words, ...] = ()


class SftpKey(_Strict, frozen=True, kw_only=True, tag_field="kind", tag="sftp_key"):
    """A private key (Ed25519, PKCS #8, base64 in one line); only with SFTP. `user` is a parameter."""

    user: Name
    secret: Name


class NoAuth(_Strict, frozen=True, kw_only=True, tag_field="kind", tag="none"):
    """The Authority knows us by nothing that is sent along."""


class ApiKey(_Strict, frozen=True, kw_only=True, tag_field="kind", tag="api_key"):
    """A secret in a header."""

    header: Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9-]*$(?!\n)")]
    secret: Name


class Basic(_Strict, frozen=True, kw_only=True, tag_field="kind", tag="basic"):
    """User and password (RFC 7617). `user` is a parameter."""

    user: Name
    secret: Name


class OAuthClient(_Strict, frozen=True, kw_only=True, tag_field="kind", tag="oauth_client"):
    """Client credentials (RFC 6749 4.4); `client` is a parameter, the token is kept for `keep` seconds at most."""

    path: str
    client: Name
    secret: Name
    scope: str | None = None
    keep: Seconds = 3000.0


class SessionLogin(_Strict, frozen=True, kw_only=True, tag_field="kind", tag="session_login"):
    """Log in with JSON, read a token off the answer, send it in a header."""

    path: str
    user: Name
    secret: Name
    user_field: str
    secret_field: str
    token: Path
    header: Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9-]*$(?!\n)")]
    prefix: str = ""
    keep: Seconds = 1200.0


class WsSecurity(_Strict, frozen=True, kw_only=True, tag_field="kind", tag="wsse"):
    """UsernameToken with a digest, a nonce and a time (WSS UsernameToken Profile 1.1); only with SOAP."""

    user: Name
    secret: Name


class Mtls(_Strict, frozen=True, kw_only=True, tag_field="kind", tag="mtls"):
    """A certificate of ours in TLS; the secret is our key with its certificates (PEM, base64 in one line)."""

    secret: Name


Auth = NoAuth | ApiKey | Basic | OAuthClient | SessionLogin | WsSecurity | SftpKey | Mtls


class ErrorEntry(_Strict, frozen=True, kw_only=True):
    """One code of the Authority: who can act, what people read, and which errors have one and the same cause."""

    kind: ErrorClass = field(name="class")
    words: Words
    cause: Name
    means: tuple[Finding, ...] = ()
    field: str = ""


class Retry(_Strict, frozen=True, kw_only=True):
    """Seconds: how long an interrupted message may be on its way, first pauses by answer, the longest pause of all."""

    settle: Seconds = 3.0
    ask: Seconds = 1.0
    processing: Seconds = 2.0
    unknown: Seconds = 3.0
    unsent: Seconds = 5.0
    longest: Seconds = 60.0


Hour = Annotated[str, Meta(pattern=r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)")]


class Quiet(_Strict, frozen=True, kw_only=True):
    """Hours of Vietnam at which nothing is sent, every day; they may go over midnight ("22:00" to "05:30")."""

    begins: Hour
    ends: Hour


class Breaker(_Strict, frozen=True, kw_only=True):
    """After so many messages in a row without an answer, of all schools or of one: a pause (seconds), then one tries."""

    failures: Annotated[int, Meta(ge=2, le=200)] = 20
    pause: Seconds = 300.0


class Limits(_Strict, frozen=True, kw_only=True):
    """What the Authority bears of all schools: calls under way together, messages in a minute."""

    concurrency: Annotated[int, Meta(ge=1, le=32)] = 8
    per_minute: Annotated[int, Meta(ge=6, le=60_000)] | None = None
    quiet: Annotated[tuple[Quiet, ...], Meta(max_length=10)] = ()
    breaker: Breaker = Breaker()


class Asked(_Strict, frozen=True, kw_only=True):
    """What a school fills in when it binds: a parameter or a secret."""

    title: Words
    pattern: str | None = None
    example: str | None = None


class Authority(_Strict, frozen=True, kw_only=True):
    """Whose database it is, and from when until when it is used so."""

    name: Words
    province: Annotated[str, Meta(pattern=r"^[0-9]{2}$(?!\n)")] | None = None
    effective_from: date
    effective_until: date | None = None
    successor_of: tuple[ProfileId, ...] = ()


class Source(_Strict, frozen=True, kw_only=True):
    """Where a rule comes from: a document and its clause."""

    document: Words
    clause: Words


class Window(_Strict, frozen=True, kw_only=True):
    """A stretch of the year, as its plan names it ("06-30"); `grades` are those that it is about."""

    title: Words
    opens: Annotated[str, Meta(pattern=r"^[01][0-9]-[0-3][0-9]$(?!\n)")] | None = None
    closes: Annotated[str, Meta(pattern=r"^[01][0-9]-[0-3][0-9]$(?!\n)")]
    grades: tuple[Annotated[int, Meta(ge=1, le=12)], ...] = ()


class Profile(_Strict, frozen=True, kw_only=True):
    """One Authority × version. Published, it never changes: the next edition is the next number.

    `grades` are those whose học bạ it takes, all when it names none.
    """

    profile: ProfileId
    format: Literal[2]
    environment: Literal["sandbox", "prod"]
    confirmed: bool
    authority: Authority
    transport: Transport
    auth: Auth
    actions: Annotated[tuple[Action, ...], Meta(min_length=1)]
    operations: "Operations"
    errors: dict[str, ErrorEntry]
    grades: tuple[Annotated[int, Meta(ge=1, le=12)], ...] = ()
    legal: tuple[Source, ...] = ()
    calendar: tuple[Window, ...] = ()
    reconcile: Listing | None = None
    parameters: dict[Name, Asked] = {}
    secrets: dict[Name, Asked] = {}
    parts: dict[Name, Node] = {}
    codelists: dict[Name, dict[str, str]] = {}
    retry: Retry = Retry()
    limits: Limits = Limits()

    @property
    def title(self) -> str:
        """What people read: whose it is, and that it is not confirmed where it is not."""
        name = self.authority.name
        if self.confirmed:
            return name
        # No second pair of brackets behind a first.
        opened = f"{name[:-1]}; " if name.endswith(")") else f"{name} ("
        return f"{opened}mẫu, chờ cơ quan xác nhận)"


class Operations(_Strict, frozen=True, kw_only=True):
    """Send a message; ask what became of one."""

    send: Operation
    query: Operation
