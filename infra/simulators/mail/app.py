"""The page on which developers read what the product has sent."""

import html

from infra.simulators.mail.inbox import Inbox
from infra.simulators.web import App, Reply, Request, reply_json

_SHOWN = 100


def build(inbox: Inbox) -> App:
    """`/` shows the newest messages, `/messages` gives them to programs."""
    app = App(lambda request, handler: handler(request))

    def page(_: Request) -> Reply:
        body = "".join(
            f"<article><h2>{html.escape(one['subject'])}</h2><p>{html.escape(one['to'])} · {html.escape(one['date'])}</p>"
            f"<pre>{html.escape(one['text'])}</pre></article>"
            for one in _messages(inbox)[:_SHOWN]
        )
        head = '<!doctype html><html lang="vi"><meta charset="utf-8"><title>Hộp thư thử</title>'
        words = f"{head}<h1>Hộp thư thử</h1>{body or '<p>Chưa có thư nào.</p>'}</html>"
        return Reply(body=words.encode(), content_type="text/html; charset=utf-8")

    app.add("GET", "/health", lambda _: reply_json({"status": "ok", "service": "mail"}))
    app.add("GET", "/", page)
    app.add("GET", "/messages", lambda _: reply_json(_messages(inbox)))
    return app


def _messages(inbox: Inbox) -> list[dict[str, str]]:
    found = []
    for one in inbox.messages():
        body = one.get_body(("plain",))
        names = ("to", "from", "subject", "date", "message-id")
        text = body.get_content() if body else ""
        found.append({name: str(one.get(name, "")) for name in names} | {"text": str(text)})
    return found
