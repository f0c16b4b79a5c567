"""Passkeys (WebAuthn level 3): questions to the browser, and what its answers are worth.

The person is verified by the authenticator each time (a finger, a face, a PIN): two factors in one.
"""

import ipaddress
import uuid
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec
import webauthn
from webauthn.helpers import (
    bytes_to_base64url,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from backend.core import settings
from backend.tenants.factors.schemas import NewKey

NAME = "Học bạ số"
#: An answer is a few kilobytes; more is not read.
LONGEST_ANSWER = 20_000
_REQUIRED = UserVerificationRequirement.REQUIRED


class BadAnswer(Exception):
    """The browser's answer is not that of the right key to the right question."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that was read and not yet believed."""

    credential_id: bytes
    challenge: bytes
    text: str


def relying_party() -> str:
    """The host name that passkeys belong to. An IP address is none: on this machine it is `localhost`."""
    host = urlsplit(settings.get().public_url).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host
    return "localhost"


def _origin() -> str:
    address = urlsplit(settings.get().public_url)
    port = f":{address.port}" if address.port else ""
    return f"{address.scheme}://{relying_party()}{port}"


def question_for_new(
    account_id: uuid.UUID, login: str, name: str, challenge: bytes, known: Sequence[bytes]
) -> str:
    """Options (JSON) for `navigator.credentials.create`; `known` are the person's keys, which are not made twice."""
    options = webauthn.generate_registration_options(
        rp_id=relying_party(),
        rp_name=NAME,
        user_id=account_id.bytes,
        user_name=login,
        user_display_name=name,
        challenge=challenge,
        exclude_credentials=_descriptors(known),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=_REQUIRED
        ),
    )
    return webauthn.options_to_json(options)


def question(challenge: bytes, known: Sequence[bytes] = ()) -> str:
    """Options (JSON) for `navigator.credentials.get`; without `known` the browser offers what it has."""
    options = webauthn.generate_authentication_options(
        rp_id=relying_party(),
        challenge=challenge,
        allow_credentials=_descriptors(known),
        user_verification=_REQUIRED,
    )
    return webauthn.options_to_json(options)


def read_new(text: str) -> Answer:
    """The answer of `create`. Raises BadAnswer for what is none."""
    try:
        credential = parse_registration_credential_json(_short(text))
        said = parse_client_data_json(credential.response.client_data_json)
    except Exception as error:  # whatever parsers of anybody's input raise
        raise BadAnswer(type(error).__name__) from None
    return Answer(credential_id=credential.raw_id, challenge=said.challenge, text=text)


def read(text: str) -> Answer:
    """The answer of `get`. Raises BadAnswer for what is none."""
    try:
        credential = parse_authentication_credential_json(_short(text))
        said = parse_client_data_json(credential.response.client_data_json)
    except Exception as error:  # whatever parsers of anybody's input raise
        raise BadAnswer(type(error).__name__) from None
    return Answer(credential_id=credential.raw_id, challenge=said.challenge, text=text)


def accept_new(answer: Answer, challenge: bytes) -> NewKey:
    """The key that was made for this question. Raises BadAnswer."""
    try:
        made = webauthn.verify_registration_response(
            credential=answer.text,
            expected_challenge=challenge,
            expected_rp_id=relying_party(),
            expected_origin=_origin(),
            require_user_verification=True,
        )
    except Exception as error:
        raise BadAnswer(type(error).__name__) from None
    return NewKey(
        credential_id=made.credential_id, public_key=made.credential_public_key, sign_count=made.sign_count
    )


def accept(answer: Answer, challenge: bytes, public_key: bytes, sign_count: int) -> int:
    """The counter after this answer of the key with that public key. Raises BadAnswer."""
    try:
        verified = webauthn.verify_authentication_response(
            credential=answer.text,
            expected_challenge=challenge,
            expected_rp_id=relying_party(),
            expected_origin=_origin(),
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
    except Exception as error:
        raise BadAnswer(type(error).__name__) from None
    return verified.new_sign_count


def holder(answer: Answer) -> uuid.UUID | None:
    """The account that the key says it belongs to; None where it does not say."""
    handle = parse_authentication_credential_json(answer.text).response.user_handle
    return uuid.UUID(bytes=handle) if handle is not None and len(handle) == 16 else None


def evidence(answer: Answer, nonce: bytes, public_key: bytes) -> dict[str, str]:
    """Everything that a stranger needs to check the answer again, in base64url."""
    said = parse_authentication_credential_json(answer.text).response
    parts = {
        "nonce": nonce,
        "public_key": public_key,
        "client_data": said.client_data_json,
        "authenticator_data": said.authenticator_data,
        "signature": said.signature,
    }
    return {name: bytes_to_base64url(value) for name, value in parts.items()}


def _short(text: str) -> str:
    if len(text) > LONGEST_ANSWER:
        raise ValueError("too long")
    return text


def _descriptors(known: Sequence[bytes]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=credential_id) for credential_id in known]
