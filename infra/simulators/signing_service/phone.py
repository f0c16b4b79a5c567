"""The person's telephone: a page with what waits for confirmation, and the two buttons."""

import html
import sqlite3
import time

from infra.simulators.signing_service.consents import Consents
from infra.simulators.signing_service.store import Store
from infra.simulators.web import App, Reply, Request, reply_json

_PAGE = """<!doctype html>
<html lang="vi"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="3"><title>Điện thoại ký số (SANDBOX)</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem}}
article{{border:1px solid #999;border-radius:.5rem;padding:1rem;margin:1rem 0}}form{{display:inline}}
button{{font:inherit;padding:.5rem 1rem;margin-right:.5rem}}</style></head>
<body><h1>Yêu cầu ký đang chờ xác nhận</h1>
<p>Môi trường thử nghiệm (SANDBOX): chữ ký không có giá trị pháp lý.</p>{items}</body></html>"""
_ITEM = """<article><h2>{who}</h2><p>{description}</p>
<p>Số chữ ký: <strong>{count}</strong>. Mã giao dịch: <code>{code}</code>. Còn {left} giây.</p>
<form method="post" action="/phone/{handle}/confirm"><button>Xác nhận ký</button></form>
<form method="post" action="/phone/{handle}/reject"><button>Từ chối</button></form></article>"""
_NOTHING = "<p>Không có yêu cầu nào đang chờ.</p>"


class Phone:
    """Handlers of the telephone."""

    def __init__(self, consents: Consents, store: Store) -> None:
        self._consents = consents
        self._store = store

    def register(self, app: App) -> None:
        """Put the routes into the application."""
        app.add("GET", "/phone", self.page)
        app.add("GET", "/phone/pending", self.pending)
        app.add("GET", "/phone/messages", self.messages)
        app.add("POST", "/phone/{handle}/confirm", self.confirm)
        app.add("POST", "/phone/{handle}/reject", self.reject)

    def page(self, request: Request) -> Reply:
        """What waits, for a person."""
        items = "".join(self._item(row) for row in self._consents.pending()) or _NOTHING
        return Reply(body=_PAGE.format(items=items).encode(), content_type="text/html; charset=utf-8")

    def pending(self, request: Request) -> Reply:
        """What waits, for a program."""
        names = ("handle", "client_data", "credential_id", "num_signatures", "description")
        return reply_json(
            {"pending": [{name: row[name] for name in names} for row in self._consents.pending()]}
        )

    def messages(self, request: Request) -> Reply:
        """One-time codes that were sent, for a program that stands in for the person."""
        rows = self._store.rows("select credential_id, code, sent from otp")
        return reply_json({"messages": [dict(row) for row in rows]})

    def confirm(self, request: Request) -> Reply:
        """The person agrees."""
        return self._decide(request, "confirmed")

    def reject(self, request: Request) -> Reply:
        """The person refuses."""
        return self._decide(request, "rejected")

    def _decide(self, request: Request, state: str) -> Reply:
        row = self._consents.decide(request.params["handle"], state)
        if "text/html" in request.headers.get("accept", ""):
            return Reply(status=303, headers={"location": "/phone"})
        return reply_json({"handle": row["handle"], "state": row["state"]})

    def _item(self, row: sqlite3.Row) -> str:
        credential = self._store.credential(row["credential_id"])
        return _ITEM.format(
            who=html.escape(credential["subject"] if credential else ""),
            description=html.escape(row["description"]),
            count=row["num_signatures"],
            code=html.escape(row["client_data"]),
            left=max(0, int(row["expires_at"] - time.time())),
            handle=row["handle"],
        )
