"""The only source of time. Tests move it; product code never calls `datetime.now` itself."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

#: All dates that people read, and all legal deadlines, are Vietnamese wall-clock time.
VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


def now() -> datetime:
    """Current instant, aware, in UTC."""
    return datetime.now(UTC)


def today() -> date:
    """Today's date in Vietnam."""
    return now().astimezone(VIETNAM).date()
