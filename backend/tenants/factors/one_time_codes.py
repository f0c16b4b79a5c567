"""One-time codes by the clock (RFC 6238) and recovery codes: how they are made and compared."""

import base64
import io
import os

import pyotp
import segno

from backend.tenants.factors.rules import RECOVERY_CODES, RECOVERY_LENGTH, STEP_SECONDS

ISSUER = "Học bạ số"
_PIXELS = 5


def new_seed() -> str:
    """160 random bits in base32, as the apps take it."""
    return pyotp.random_base32(32)


def code_at(seed: str, step: int) -> str:
    """The six digits of a step."""
    return pyotp.TOTP(seed, interval=STEP_SECONDS).generate_otp(step)


def picture(seed: str, login: str) -> str:
    """The seed as a QR code for the app's camera: a data address of an image."""
    address = pyotp.TOTP(seed, interval=STEP_SECONDS).provisioning_uri(name=login, issuer_name=ISSUER)
    out = io.BytesIO()
    segno.make(address, error="m", micro=False).save(out, kind="png", scale=_PIXELS, border=4)
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def new_recovery_codes() -> list[str]:
    """Codes of 80 random bits each."""
    size = RECOVERY_LENGTH * 5 // 8
    return [base64.b32encode(os.urandom(size)).decode() for _ in range(RECOVERY_CODES)]
