"""Structured logs: one JSON object a line, from an allow-list of fields. Names, marks and texts never get in."""

import logging
import sys
from typing import Any

import msgspec

from backend.core import clock

#: Only these keys of `extra` reach a log line; they hold ids, digests, counts and codes, never personal data.
FIELDS = frozenset(
    "tenant_id request_id job_id kind lane subject_ids status method route attempts fence seconds count error port "
    "event action sha256".split()
)


class JsonFormatter(logging.Formatter):
    """Renders a record as JSON: time, level, logger, message, and the allowed fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": clock.now().isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: record.__dict__[key] for key in FIELDS & record.__dict__.keys()}
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["where"] = _where(record.exc_info[2])
        return msgspec.json.encode(line, enc_hook=str).decode()


def _where(traceback: Any) -> list[str]:
    """Our own frames, without the exception's text: that may quote somebody's data."""
    frames = []
    while traceback:
        code = traceback.tb_frame.f_code
        _, ours, place = code.co_filename.rpartition("/backend/")
        if ours:
            frames.append(f"{place}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return frames


def configure(level: int = logging.INFO) -> None:
    """Send all logs of this process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    # What no line shows need not be found out for every line (Logging HOWTO, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("botocore", "boto3", "urllib3", "httpx", "httpcore", "dramatiq", "pyhanko", "fontTools"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
