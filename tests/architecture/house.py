"""The rooms of the house and its doors (infra/decisions/0001), as tables that the tests hold the code to.

A file of a slice has a room by its name (`NAMED`) or by its own line in `LISTED`, with the reason why the slice needs
it. A file that has neither fails: decide where it belongs, then write it here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from tests.architecture.source import Module, Source


class Room(IntEnum):
    """From the ground up: nobody imports a room above their own, in no slice."""

    SCHEMAS = 0
    EVENTS = 1
    RULES = 2
    MODELS = 3
    QUERIES = 4
    ADAPTER = 5
    SERVICE = 6
    EDGE = 7


NAMED = {
    "schemas": Room.SCHEMAS,
    # What all adapters of one kind promise, and the words of their answers: no I/O, so a door like schemas.
    "port": Room.SCHEMAS,
    "events": Room.EVENTS,
    "rules": Room.RULES,
    "models": Room.MODELS,
    "queries": Room.QUERIES,
    "service": Room.SERVICE,
    # What the machine does after an event: use cases of the slice's own tasks, and so no door.
    "flow": Room.SERVICE,
    "pages": Room.EDGE,
    "life_pages": Room.EDGE,
    "link_pages": Room.EDGE,
    "api": Room.EDGE,
    "tasks": Room.EDGE,
    "command": Room.EDGE,
}

LISTED: dict[str, tuple[Room, str]] = {
    "tenants.access.passwords": (Room.ADAPTER, "argon2"),
    "tenants.access.entry": (Room.SERVICE, "the ways in, for the slice's own pages and service: no door"),
    "tenants.access.known_browsers": (Room.SERVICE, "the cookie of the ways in: no door"),
    "tenants.access.news": (Room.SERVICE, "what became of an account, for the slice's own service: no door"),
    "tenants.access.tries": (Room.SERVICE, "counts wrong passwords and codes for the ways in: no door"),
    "tenants.account.recovery": (
        Room.SERVICE,
        "accounts given back, for the slice's own pages and command: no door",
    ),
    "tenants.federation.oidc": (Room.ADAPTER, "authlib and joserfc"),
    "tenants.factors.passkeys": (Room.ADAPTER, "webauthn"),
    "tenants.factors.one_time_codes": (Room.ADAPTER, "pyotp, and segno for the picture"),
    "remote_signing.formats.verify_command": (
        Room.EDGE,
        "`hocba verify`, offline: a command of a slice of adapters",
    ),
    "remote_signing.archiving.history": (
        Room.SERVICE,
        "the stamps of one turn, for the page of its history: no door",
    ),
    "remote_signing.archiving.stamping": (
        Room.SERVICE,
        "bytes of the archive, worked on between transactions",
    ),
    "remote_signing.formats.service": (
        Room.ADAPTER,
        "functions on bytes with a key that is at hand: the door of a slice of adapters",
    ),
    "remote_signing.requests.batches": (
        Room.QUERIES,
        "SQL of batches, calls and hashes; `queries` has that of requests and steps",
    ),
    "remote_signing.requests.calls": (
        Room.SERVICE,
        "a provider call seen from outside a transaction: submit, poll",
    ),
    "remote_signing.requests.challenges": (
        Room.SERVICE,
        "what a provider wants of a signer on our page, for the slice's own pages and tasks: no door",
    ),
    "remote_signing.requests.turns": (
        Room.SERVICE,
        "the history of one turn, through the door of the slice's service",
    ),
    "remote_signing.requests.notices": (
        Room.SERVICE,
        "what a provider's notice wakes, for the slice's own service: no door",
    ),
    "remote_signing.requests.retiring": (
        Room.SERVICE,
        "when a replaced certificate has finished, for the slice's own tasks: no door",
    ),
    "remote_signing.accounts.access": (
        Room.SERVICE,
        "what users of providers have left us, for the slice's own service: no door",
    ),
    "remote_signing.accounts.sealing": (
        Room.SERVICE,
        "the school's key, which closes what both of the slice's tables keep: no door",
    ),
    "remote_signing.credentials.linking": (
        Room.SERVICE,
        "how a provider's user lets us in, for the slice's own pages: no door",
    ),
    "remote_signing.accounts.notice_addresses": (
        Room.SERVICE,
        "secret addresses for notices, for the slice's own service: no door",
    ),
    "remote_signing.credentials.from_file": (
        Room.SERVICE,
        "certificates in files of authorities, for the slice's own pages and decisions: no door",
    ),
    "remote_signing.requests.local_agents": (
        Room.SERVICE,
        "calls that a computer at the school fetches, for the slice's own service: no door",
    ),
    "remote_signing.token_helpers.program": (
        Room.SERVICE,
        "what runs on the computer at the school, for the slice's own command: no door",
    ),
    "remote_signing.token_helpers.device_keys": (Room.ADAPTER, "Ed25519"),
    "remote_signing.requests.documents": (
        Room.SERVICE,
        "bytes of a provider call, worked on between transactions",
    ),
    "remote_signing.requests.completing": (
        Room.SERVICE,
        "the end of a request that everybody has signed, for the slice's own tasks: no door",
    ),
    "remote_signing.requests.declining": (
        Room.SERVICE,
        "what a signer would not sign, for the slice's own pages: no door",
    ),
    "remote_signing.requests.held": (
        Room.SERVICE,
        "what a person decides about calls of unknown outcome, for the slice's own pages: no door",
    ),
    "remote_signing.credentials.decisions": (
        Room.SERVICE,
        "what two people decide about certificates, for the slice's own pages: no door",
    ),
    "remote_signing.credentials.trial": (
        Room.SERVICE,
        "a harmless signature, for the slice's own pages: no door",
    ),
    "remote_signing.credentials.inspection": (
        Room.SERVICE,
        "what a provider lists, looked at outside of transactions, for the slice's own service and pages: no door",
    ),
    "remote_signing.credentials.ceremony": (
        Room.SERVICE,
        "what is done in a token while people look on, for the slice's own command: no door",
    ),
    "remote_signing.credentials.revocation": (Room.ADAPTER, "OCSP and CRL, remembered for a minute"),
    "records.roster.curriculum": (
        Room.SCHEMAS,
        "the curriculum of 2018 as data: words that every slice above reads",
    ),
    "records.roster.adding": (
        Room.SERVICE,
        "a pupil who is not known yet, for the slice's own service and pages: no door",
    ),
    "records.roster.records": (
        Room.SERVICE,
        "pupils and their records found, shown and corrected, for the slice's own pages: no door",
    ),
    "records.calendar.deadlines": (Room.RULES, "last days that plans of provinces name, as data: pure"),
    "records.roster.register": (
        Room.SERVICE,
        "a list of pupils compared and taken over, for the slice's own service: no door",
    ),
    "records.roster.putting_back": (
        Room.SERVICE,
        "a register that is taken back, for the slice's own service: no door",
    ),
    "records.gradebook.putting_back": (
        Room.SERVICE,
        "many marks that are taken back, for the slice's own service: no door",
    ),
    "records.roster.pupil_rows": (
        Room.QUERIES,
        "SQL of pupils' records and places; `queries` has that of years, classes and lists",
    ),
    "records.roster.names": (Room.RULES, "the order of Vietnamese names, a pure function"),
    "records.phrases.starting": (Room.RULES, "the phrases that every school begins with, as data"),
    "records.gradebook.layout": (Room.RULES, "the columns of every sheet: pure"),
    "records.gradebook.life_rules": (Room.RULES, "who moves a sheet on, and when it takes marks: pure"),
    "records.gradebook.wording": (Room.RULES, "what people read of a sheet: pure"),
    "records.gradebook.staging": (
        Room.QUERIES,
        "SQL of marks that come by the thousand; `queries` has that of sheets, `mark_rows` that of single marks",
    ),
    "records.gradebook.mark_rows": (
        Room.QUERIES,
        "SQL of single marks; `queries` has that of sheets and their lives",
    ),
    "records.gradebook.exemption_rows": (
        Room.QUERIES,
        "SQL of exemptions; `queries` has that of sheets and their lives",
    ),
    "records.gradebook.one_sheet": (
        Room.SERVICE,
        "the row of a sheet, for the slice's own use cases: no door",
    ),
    "records.assessment.basis": (
        Room.SERVICE,
        "edition and readings of each result, for the slice's own service: no door",
    ),
    "records.gradebook.life": (
        Room.SERVICE,
        "the life of a sheet, for the slice's own pages and tasks: no door",
    ),
    "records.gradebook.editing": (
        Room.SERVICE,
        "one sheet before a person, for the slice's own pages: no door",
    ),
    "records.gradebook.importing": (
        Room.SERVICE,
        "marks by the thousand, for the slice's own service: no door",
    ),
    "records.gradebook.exemptions": (
        Room.SERVICE,
        "pupils exempt from a subject, for the slice's own pages: no door",
    ),
    "records.gradebook.carrying": (
        Room.SERVICE,
        "marks that follow a pupil into another class, for the slice's own service: no door",
    ),
    "records.assessment.inputs": (
        Room.RULES,
        "marks of the gradebook as input of the circulars, a pure function",
    ),
    "records.assessment.explaining": (Room.RULES, "a result as a page explains it, a pure function"),
    "records.statistics.coverage": (Room.RULES, "certificates over the staff as annexes count them: pure"),
    "records.handover.packing": (Room.ADAPTER, "zipfile"),
    "records.transcripts.signers": (
        Room.SERVICE,
        "who is to sign and who is missing, for the slice's own service and flow: no door",
    ),
    "records.transcripts.canonical": (Room.RULES, "one snapshot, one sequence of bytes: pure"),
    "records.transcripts.composition": (Room.RULES, "results and marks as the content of a transcript: pure"),
    "records.transcripts.printed": (Room.RULES, "a snapshot as the words of the form: pure"),
    "records.transcripts.book": (Room.RULES, "the years of one transcript as one print: pure"),
    "records.transcripts.page_check": (Room.RULES, "which words of a snapshot a page lacks: pure"),
    "records.transcripts.corrections": (Room.RULES, "in what two contents differ: pure"),
    "records.transcripts.freezing": (
        Room.SERVICE,
        "from confirmed results to frozen content, for the slice's own service: no door",
    ),
    "records.transcripts.again": (
        Room.SERVICE,
        "steps of the machine that stopped are done after all: a door of its own",
    ),
    "records.transcripts.closings": (
        Room.SERVICE,
        "the last day of a version, which service and handing_over ask",
    ),
    "records.transcripts.handing_over": (
        Room.SERVICE,
        "versions that another school manages: so much of the service that it is read by itself",
    ),
    "records.transcripts.recalling": (
        Room.SERVICE,
        "versions that are being recalled, for whoever brings them to an Authority: named by the service",
    ),
    "records.planning.languages": (
        Room.SERVICE,
        "which language a class learns, for the slice's own pages: no door",
    ),
    "records.transcripts.life": (
        Room.SERVICE,
        "versions that end before their time, for the slice's own pages and tasks: no door",
    ),
    "records.transcripts.package": (
        Room.SERVICE,
        "the parts of one file compared, for the slice's own command and pages",
    ),
    "records.transcripts.manifests": (
        Room.SERVICE,
        "what lies beside an issued version in the store, and back: no door",
    ),
    "records.copies.manifests": (
        Room.SERVICE,
        "what lies in the store of a copy, and back: no door",
    ),
    "records.verification.content": (
        Room.SERVICE,
        "what a transcript says, behind a second factor, for the slice's own pages: no door",
    ),
    "records.shares.asking": (
        Room.SERVICE,
        "requests of organisations, for the slice's own pages: no door",
    ),
    "records.verification.slips": (Room.SERVICE, "answers on paper, for the slice's own pages: no door"),
    "integrations.partner_api.once": (
        Room.SERVICE,
        "a deed and its kept answer, for the slice's own api: no door",
    ),
    "integrations.partner_api.writing": (
        Room.SERVICE,
        "what other systems write, for the slice's own api: no door",
    ),
    "integrations.webhooks.signing": (Room.ADAPTER, "Ed25519"),
    "integrations.deliveries.manifests": (
        Room.SERVICE,
        "what lies in the store of a delivery, and back: no door",
    ),
    "records.transcripts.forms": (Room.SERVICE, "the two forms of a snapshot, made between transactions"),
    "records.transcripts.rendering": (Room.ADAPTER, "typst and segno"),
    "records.transcripts.xml_form": (Room.ADAPTER, "lxml"),
    "records.transfers.manifest": (Room.RULES, "a package's manifest, one sequence of bytes: pure"),
    "records.transfers.results": (Room.RULES, "a received year in lines: pure"),
    "records.transfers.rendering": (Room.ADAPTER, "typst"),
    "records.transfers.checking": (
        Room.SERVICE,
        "a package from outside, checked outside of transactions, for the slice's own pages: no door",
    ),
    "records.transfers.receiving": (
        Room.SERVICE,
        "packages that come in, for the slice's own pages; `service` has those that go out: no door",
    ),
    "integrations.imports.conversion": (Room.RULES, "rows of a workbook as pupils and marks: pure"),
    "integrations.imports.filling": (Room.RULES, "what the school knows as the columns of a workbook: pure"),
    "integrations.imports.exporting": (Room.SERVICE, "workbooks out, for the slice's own pages: no door"),
    "integrations.imports.undoing": (
        Room.SERVICE,
        "an import that is taken back, for the slice's own service and pages: no door",
    ),
    "integrations.imports.readers": (Room.ADAPTER, "openpyxl in a limited process, one file per layout"),
    "integrations.imports.writers": (Room.ADAPTER, "lxml and openpyxl: cells of a workbook, and workbooks"),
    "integrations.imports.limited": (Room.ADAPTER, "the process in which strangers' workbooks are touched"),
    "integrations.imports.readers.text": (Room.RULES, "how words of a workbook are compared: pure"),
    "integrations.partner_api.oauth": (Room.ADAPTER, "Authlib: the words of RFC 6749"),
    "integrations.deliveries.keeping": (
        Room.SERVICE,
        "what is under way and what an answer does to it, for the slice's own services: no door",
    ),
    "integrations.deliveries.carrying": (
        Room.SERVICE,
        "what people carry to a portal, entered by the slice's service",
    ),
    "integrations.deliveries.opening": (
        Room.SERVICE,
        "what goes to an Authority next, for the slice's own service and tasks: no door",
    ),
    "integrations.deliveries.troubles": (
        Room.SERVICE,
        "what stopped, by cause, for the slice's own pages: no door",
    ),
    "integrations.deliveries.rehearsal": (
        Room.SERVICE,
        "what would go and what stops it, for the slice's own pages: no door",
    ),
    "integrations.deliveries.gates": (
        Room.SERVICE,
        "what of the queue may go now, for the slice's own service: no door",
    ),
    "integrations.operations.editions": (
        Room.SERVICE,
        "profiles as the operator reads them, for the slice's own pages: no door",
    ),
    "integrations.operations.profile_words": (Room.RULES, "a profile in words: pure"),
    "integrations.handbook.contents": (Room.RULES, "which pages the handbook has, as data: pure"),
    "integrations.handbook.reading": (Room.ADAPTER, "the handbook's templates as texts, and its pictures"),
    "integrations.reports.letter": (Room.ADAPTER, "python-docx"),
    "integrations.reports.workbook": (Room.ADAPTER, "openpyxl"),
    "integrations.deliveries.board": (
        Room.SERVICE,
        "what a person looks for among all deliveries, for the slice's own pages: no door",
    ),
    "integrations.deliveries.looking": (
        Room.RULES,
        "the filter of the board, and the address that keeps it: pure",
    ),
    "integrations.deliveries.gate_rules": (Room.RULES, "when an Authority is left alone: pure"),
    "integrations.deliveries.fixing": (Room.RULES, "which place of the school an Authority's field is: pure"),
    "integrations.deliveries.shown": (Room.ADAPTER, "messages as people read them, beside earlier ones"),
    "integrations.deliveries.exchange": (Room.SERVICE, "talking to an Authority between transactions"),
    "integrations.deliveries.channels": (Room.ADAPTER, "one file per transport to an Authority"),
    "integrations.deliveries.channels.port": (Room.SCHEMAS, "what every channel promises"),
}

#: Slices of adapters: functions on bytes and calls over HTTP, no tables. Every file that has no room by its name is
#: an adapter; services and adapters of the same domain may use each of them.
LIBRARIES = {
    "remote_signing.formats": "pyHanko, pikepdf, pypdfium2, cryptography",
    "integrations.profiles": "PyYAML, JMESPath, CEL, lxml, cryptography: profiles of Authorities",
    "remote_signing.providers": "the signing services and time stamping authorities",
}

#: Files of a domain that belong to no slice.
OF_DOMAIN = {
    "tenants.permissions": (Room.SCHEMAS, "who may do what, one table"),
    "tenants.guards": (Room.EDGE, "requires(...), scoped(...) and public(), part of every handler"),
}

#: Joins across domains, each with the reason why asking the service is worse.
JOINS = {
    ("records.roster.queries", "tenants.people.models"): (
        "the teacher's name stands in every list of classes; asking people.service would be a second round trip per page"
    ),
}

#: What the entry files may enter a slice by.
ENTRIES = {
    "app": {"pages", "life_pages", "link_pages", "api"},
    "console": {"pages"},
    "cli": {"command", "verify_command"},
    # The time stamps of the audit: the authority is on a higher floor than who keeps the audit.
    "worker": {"service"},
    "workflow": {"tasks", "events"},
    "tables": {"models"},
}

DOMAINS = ("tenants", "remote_signing", "records", "integrations")
#: A name that says nothing collects everything.
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "tools", "base", "lib"}


@dataclass(frozen=True)
class Place:
    """Where a module lives: `slice` is `domain.slice`, `file` what follows it."""

    slice: str
    file: str
    room: Room | None

    @property
    def domain(self) -> str:
        """The floor."""
        return self.slice.partition(".")[0]


def place_of(name: str) -> Place | None:
    """The place of a module in a slice; None for entry files, `core` and empty packages."""
    short = name.removeprefix("backend.")
    parts = short.split(".")
    if parts[0] not in DOMAINS or len(parts) < 2:
        return None
    if short in OF_DOMAIN:
        return Place(short, parts[1], OF_DOMAIN[short][0])
    if len(parts) == 2:
        return None
    home = ".".join(parts[:2])
    return Place(home, parts[2], _room(home, parts))


def _room(home: str, parts: list[str]) -> Room | None:
    for end in range(len(parts), 2, -1):
        if listed := LISTED.get(".".join(parts[:end])):
            return listed[0]
    return NAMED.get(parts[2], Room.ADAPTER if home in LIBRARIES else None)


def roomless(source: Source) -> Iterator[str]:
    """Files that have no room, and files whose name says nothing."""
    for name in source:
        if NAMELESS & set(name.split(".")):
            yield f"{name}: the name says nothing about what is in it"
        place = place_of(name)
        if place and place.room is None:
            yield f"{name}: no room has this name; take one of {', '.join(NAMED)} or list it with a reason"


def trespasses(source: Source) -> Iterator[str]:
    """Imports that go up inside a slice, pass another slice's walls, or enter by the wrong entry."""
    for module in source.values():
        for imported in module.imports:
            if imported.target.startswith("backend.") and (why := _trespass(module, imported.target)):
                yield f"{module.name}:{imported.line} imports {imported.target}: {why}"


def _trespass(module: Module, target: str) -> str | None:
    here, there = place_of(module.name), place_of(target)
    if there is None or there.room is None:
        return None
    if here is None:
        return _by_the_entry(module.name.removeprefix("backend."), there)
    if here.room is None:
        return None
    if here.slice == there.slice:
        return _in_the_slice(here.slice, here.room, there.room)
    return _through_the_door(
        module.name.removeprefix("backend."), here, target.removeprefix("backend."), there
    )


def _by_the_entry(entry: str, there: Place) -> str | None:
    if there.slice in OF_DOMAIN:
        return (
            None
            if entry in ("app", "console", "menu", "own_routes")
            else "only the site and its pages need this"
        )
    if there.file in ENTRIES.get(entry, set()):
        return None
    return f"{entry} enters a slice by {' or '.join(sorted(ENTRIES.get(entry, set()))) or 'nothing'}"


def _in_the_slice(home: str, here: Room, there: Room) -> str | None:
    if there > here:
        return f"{here.name} lies below {there.name}"
    if here is Room.EDGE:
        if there is Room.EDGE:
            return "handlers, tasks and commands do not know each other"
        if there in (Room.QUERIES, Room.MODELS) or (there is Room.ADAPTER and home not in LIBRARIES):
            return "handlers and tasks call a service, no SQL and no adapter"
    if here is Room.ADAPTER and there in (Room.QUERIES, Room.MODELS):
        return "an adapter knows no tables"
    return None


def _through_the_door(name: str, here: Place, target: str, there: Place) -> str | None:
    assert here.room is not None
    assert there.room is not None
    if target == "tenants.guards":
        return None if here.room is Room.EDGE else "guards belong to handlers"
    if here.slice == "tenants.guards":
        return None if there.file == "service" or there.room is Room.SCHEMAS else "guards ask services"
    if there.room > here.room:
        return f"{here.room.name} lies below {there.room.name}"
    if there.file == "service" or there.room in (Room.SCHEMAS, Room.EVENTS):
        return None
    if there.slice in LIBRARIES and here.domain == there.domain and here.room in (Room.SERVICE, Room.ADAPTER):
        return None
    joins = here.room is Room.QUERIES and there.room is Room.MODELS
    if joins and (here.domain == there.domain or (name, target) in JOINS):
        return None
    return "another slice is entered by its service, its schemas and its events"


def unused_lines(source: Source) -> Iterator[str]:
    """Lines of the tables above that nothing needs any more."""
    names = {name.removeprefix("backend.") for name in source}
    for table in (LISTED, LIBRARIES, OF_DOMAIN):
        yield from (f"{name} is listed and does not exist" for name in table if name not in names)
    imports = {
        (module.name.removeprefix("backend."), imported.target.removeprefix("backend."))
        for module in source.values()
        for imported in module.imports
    }
    yield from (f"{importer} joins {imported} no longer" for importer, imported in JOINS.keys() - imports)
