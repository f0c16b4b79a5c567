"""Who can sign in at the provider, and what each realm says of them."""

import msgspec

#: The Workspace domain and the Entra tenant of the made-up school.
DOMAIN = "hoaban.hocba.test"
TENANT = "7d1f3c52-0000-4000-8000-00000000aa01"


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with an account there. `sub` never changes; the address may be anybody's."""

    sub: str
    name: str
    email: str
    hd: str = DOMAIN
    tid: str = TENANT


FIRST = (
    Person(sub="1000001", name="Tài khoản thử 1", email="taikhoan1@hoaban.hocba.test"),
    Person(sub="1000002", name="Tài khoản thử 2", email="taikhoan2@hoaban.hocba.test"),
)


def claims_of(person: Person, realm: str) -> dict[str, object]:
    """What the realm adds to a token about a person."""
    said: dict[str, object] = {"sub": person.sub, "name": person.name}
    if realm == "google":
        said |= {"email": person.email, "email_verified": True, "hd": person.hd}
    elif realm.startswith("entra/"):
        said |= {"preferred_username": person.email, "tid": person.tid, "oid": person.sub}
    return said
