"""Lists that disagree: what an Authority may get wrong about what it has."""

from typing import Any

LIST_FAULTS = ("list_forgets", "list_invents", "list_other_content", "list_other_state", "list_short")
#: Items of one page.
LIST_PAGE = 200


def spoilt_list(fault: str | None, items: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """The list with its first item wrong, and how many it says that there are."""
    first, *others = items or [{}]
    match fault:
        case "list_forgets":
            items = others
        case "list_invents":
            sender = str(first.get("message_id", "0" * 40))[:-32]
            items = [*items, {**first, "message_id": f"{sender}{0:032x}", "lookup_code": "0" * 32}]
        case "list_other_content":
            items = [{**first, "sha256": "0" * 64}, *others]
        case "list_other_state":
            items = [{**first, "state": "rejected"}, *others]
        case "list_short":
            return others, len(items)
    return items, len(items)
