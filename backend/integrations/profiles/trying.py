"""What shows when a profile is tried: messages are written and held to their schemas, and every example of an answer is
read back by the rule that it belongs to.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from backend.integrations.profiles import (
    answers,
    conformity,
    documents,
    expressions,
    listings,
    mapping,
    messages,
    packages,
    samples,
)
from backend.integrations.profiles.format_steps import Place
from backend.integrations.profiles.mapping import BadMapping
from backend.integrations.profiles.schemas import (
    Answer,
    Body,
    Listed,
    Listing,
    Message,
    Node,
    Operation,
    Profile,
    Xades,
)
from backend.remote_signing.formats import service as formats

_Found = Iterator[tuple[Place, str]]


def tried(profile: Profile, operations: list[tuple[str, Operation]], files: Mapping[str, bytes]) -> _Found:
    """Every place at which the profile fails on the samples, with the reason."""
    known = messages.known_of(profile, {name: f"[{name}]" for name in profile.parameters})
    fitting = samples.fitting(profile)
    for name, operation in operations:
        place: Place = ("operations", name)
        if operation.body is not None:
            yield from _written(operation.body, fitting, known, files, (*place, "body"))
        if operation.answer is not None:
            yield from _read_back(
                profile, operation.answer, next(iter(fitting.values())), known, (*place, "answer")
            )
    if profile.reconcile is not None:
        yield from _listed_back(profile.reconcile, known)


def _listed_back(listing: Listing, known: mapping.Known) -> _Found:
    """A list can be asked for; one of all that may be said is written and read again, and so are one item and none."""
    try:
        listings.ask(listing, "01000701", 1, known)
    except BadMapping as error:
        yield ("reconcile", "body"), f"không lập được câu hỏi: {error}"
    listed = [
        Listed(message_id=f"{number:032d}", lookup_code="a" * 32, version="2", sha256="b" * 64, state=state)
        for number, state in enumerate(dict.fromkeys(listing.states.values()))
    ]
    for items in (listed, listed[:1], []):
        try:
            written = listings.write(
                listing, len(items), [msgspec.structs.asdict(one) for one in items], known
            )
            page = listings.read(listing, 200, written)
        except (BadMapping, listings.BadList) as error:
            yield ("reconcile", "example"), f"danh sách {len(items)} mục không ghi rồi đọc lại được: {error}"
            return
        if page != listings.Page(len(items), tuple(items)):
            yield ("reconcile", "example"), f"danh sách {len(items)} mục đọc lại ra khác"


def _written(
    body: Body, fitting: Mapping[str, Message], known: mapping.Known, files: Mapping[str, bytes], place: Place
) -> _Found:
    unreadable = False
    for number, schema in enumerate(body.schemas):
        try:
            conformity.require_schema(schema.kind, files[schema.file])
        except documents.Unreadable as error:
            unreadable = True
            yield (*place, "schemas", number, "file"), f"không đọc được lược đồ «{schema.file}»: {error}"
    if unreadable:
        return
    for name, message in fitting.items():
        try:
            content = messages.write(body, message, known)
            packages.require(body, content, files)
            if isinstance(body.sign, Xades):
                formats.require_place(content, packages.target_of(body.sign))
        except BadMapping as error:
            inside = _tree_of(body, message)
            yield (*place, *inside, *_place_in_tree(error.place)), f"mẫu {name}: {error}"
            return
        except formats.Unsuitable as error:
            yield (*place, "sign"), f"mẫu {name}: không có chỗ để ký ({error})"
            return
    for inside, tree, items in _by_layout(body, list(fitting.values())):
        if items:
            yield from _never_found(tree, items, known, (*place, *inside))
        else:
            yield (*place, *inside), "không có mẫu học bạ nào của các khối này để thử"


def _tree_of(body: Body, message: Message) -> Place:
    """Where the tree stands by which a message is written."""
    tree = messages.laid_out(body, message.record).tree
    number = next((number for number, one in enumerate(body.layouts) if one.tree is tree), None)
    return ("tree",) if number is None else ("layouts", number, "tree")


def _by_layout(body: Body, fitting: list[Message]) -> Iterator[tuple[Place, Node, list[Any]]]:
    """Each tree of a body, its place, and what the samples have for it."""
    taken: dict[int, list[Any]] = {}
    for one in fitting:
        taken.setdefault(id(messages.laid_out(body, one.record).tree), []).append(messages.content_of(one))
    yield ("tree",), body.tree, taken.get(id(body.tree), [])
    for number, layout in enumerate(body.layouts):
        yield ("layouts", number, "tree"), layout.tree, taken.get(id(layout.tree), [])


def _never_found(node: Node, items: list[Any], known: mapping.Known, place: Place) -> _Found:
    """Leaves that may stay empty whose path leads nowhere in any sample: nobody would ever miss them."""
    if (
        node.path is not None
        and (node.optional or node.empty)
        and all(expressions.find(node.path, one) is None for one in items)
    ):
        yield (*place, "path"), f"đường dẫn «{node.path}» không dẫn đến đâu trong các mẫu"
    if node.use is not None:
        yield from _never_found(known.parts[node.use], items, known, ("parts", node.use))
    for name, child in (node.fields or {}).items():
        yield from _never_found(child, items, known, (*place, "fields", name))
    if node.each is not None and node.do is not None:
        inside = [one for item in items for one in expressions.find(node.each, item) or ()]
        if not inside:
            yield (*place, "each"), f"đường dẫn «{node.each}» không dẫn đến danh sách nào trong các mẫu"
        else:
            yield from _never_found(node.do, inside, known, (*place, "do"))


def _read_back(
    profile: Profile, answer: Answer, message: Message, known: mapping.Known, place: Place
) -> _Found:
    for number, rule in enumerate(answer.rules):
        here = (*place, "rules", number)
        try:
            content = messages.write_example(answer, rule, message, samples.SAID, known)
        except BadMapping as error:
            yield (*here, "example"), f"không ghi được ví dụ: {error}"
            continue
        ours = messages.named_in_answer(profile, answer, message, known)
        read = answers.read(answer, rule.example.status, content, ours)
        if read is None:
            why = answers.why_unread(answer, rule.example.status, content, ours)
            yield (*here, "example"), f"ví dụ không được quy tắc nào nhận: {why}"
        elif read.rule != number:
            yield (*here, "example"), f"ví dụ bị quy tắc thứ {read.rule + 1} nhận trước"


def _place_in_tree(place: str) -> Place:
    found: list[str | int] = []
    for name in re.findall(r"/([^/\[]+)", place):
        found += ["fields", name]
    return tuple(found)
