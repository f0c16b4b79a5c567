"""What app.js and htmx do together: confirming, CSRF, polling, errors in words, no script from an answer."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.frontend.small_site import Answer, environment, render, served
from tests.frontend.small_site import page as answer

pytestmark = pytest.mark.needs("chromium")
SHELL = """{% extends "layouts/base.html" %}
{% from "components/button.html" import button %}{% from "components/form.html" import form %}
{% from "components/progress.html" import progress %}
{% from "components/field.html" import field %}{% from "components/choices.html" import choices %}
{% block content %}<h1>x</h1>
{% call form("/moi", csrf_token) %}{{ field("ten", "Họ tên") }}{{ field("mk", "Mật khẩu", type="password") }}
{{ choices("vai", "Vai trò", [("a", "Văn thư"), ("b", "Hiệu trưởng")], ["a"]) }}{{ button("Mời") }}{% endcall %}
{% call form("/gui", csrf_token) %}
{{ button("Phát hành", kind="seal", confirm="Phát hành 35 học bạ?") }}{% endcall %}
{{ button("Thử", type="button", attrs={"hx-post": "/manh", "hx-target": "#cho"}) }}
{{ button("Xóa", type="button", attrs={"hx-post": "/manh", "hx-target": "#cho", "hx-confirm": "Xóa thật?"}) }}
<div id="cho">cũ</div>
{{ progress("viec", "Ký", 1, 4, poll_url="/viec", every="50ms") }}
{% endblock %}"""


PROGRESS = """{% from "components/progress.html" import progress %}
{{ progress("viec", "Ký", done, 4, state=s, poll_url=u, every="50ms") }}"""


class Site:
    """A page with one of each, and what it was asked."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, bytes]] = []
        self.fragment: tuple[int, str] = (200, "<p>mới</p>")
        self.done = 1

    def __call__(self, method: str, path: str, body: bytes) -> Answer:
        if method == "POST":
            self.posts.append((path, body))
            return (
                answer(self.fragment[1], self.fragment[0]) if path == "/manh" else answer("<h1>đã gửi</h1>")
            )
        if path == "/viec":
            self.done = min(self.done + 1, 4)
            return answer(self.work())
        shell: Any = environment().from_string(SHELL)
        return answer(shell.render(environment().globals | CONTEXT))

    def work(self) -> str:
        """The progress macro as a fragment: without an address once all is done."""
        text = PROGRESS
        over = self.done == 4
        return (
            environment()
            .from_string(text)
            .render(done=self.done, s="done" if over else "running", u=None if over else "/viec")
        )


CONTEXT: dict[str, Any] = {"csrf_token": "the-token", "request_id": "r"}


@pytest.fixture
def site() -> Site:
    return Site()


def test_an_official_act_is_asked_twice_and_a_no_sends_nothing(page: Page, site: Site) -> None:
    with served(site) as base:
        page.goto(base)
        page.get_by_role("button", name="Phát hành").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Phát hành 35 học bạ?")
        expect(dialog.get_by_role("button", name="Quay lại")).to_be_focused()
        page.keyboard.press("Enter")
        expect(dialog).to_be_hidden()
        assert site.posts == []
        page.get_by_role("button", name="Phát hành").click()
        dialog.get_by_role("button", name="Phát hành").click()
        expect(page.locator("h1")).to_have_text("đã gửi")
        assert site.posts == [("/gui", b"csrf_token=the-token")]


def test_what_was_typed_comes_back_after_a_proof_and_no_password(page: Page, site: Site) -> None:
    def send(base: str) -> None:
        page.goto(base)
        page.get_by_label("Họ tên").fill("Lê Thị Hoa")
        page.get_by_label("Mật khẩu").fill("bi-mat")
        page.get_by_label("Văn thư").uncheck()
        page.get_by_label("Hiệu trưởng").check()
        page.get_by_role("button", name="Mời").click()
        expect(page.locator("h1")).to_have_text("đã gửi")

    def shown() -> tuple[str, str, bool, bool]:
        return (
            page.get_by_label("Họ tên").input_value(),
            page.get_by_label("Mật khẩu").input_value(),
            page.get_by_label("Văn thư").is_checked(),
            page.get_by_label("Hiệu trưởng").is_checked(),
        )

    untouched = ("", "", True, False)
    with served(site) as base:
        send(base)
        page.goto(base)
        assert shown() == untouched, "nobody was asked for a proof"
        send(base)
        page.goto(base + "/xac-minh?tiep=/")
        assert shown() == untouched
        page.goto(base)
        assert shown() == ("Lê Thị Hoa", "", False, True)
        page.goto(base)
        assert shown() == untouched, "it comes back once"


def test_escape_is_a_no(page: Page, site: Site) -> None:
    with served(site) as base:
        page.goto(base)
        page.get_by_role("button", name="Phát hành").click()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        assert site.posts == []


def test_htmx_carries_the_csrf_header(page: Page, site: Site) -> None:
    with served(site) as base:
        page.goto(base)
        with page.expect_request("**/manh") as caught:
            page.get_by_role("button", name="Thử").click()
        assert caught.value.headers["x-csrf-token"] == "the-token"
        expect(page.locator("#cho")).to_have_text("mới")


def test_hx_confirm_uses_the_same_dialog(page: Page, site: Site) -> None:
    with served(site) as base:
        page.goto(base)
        page.get_by_role("button", name="Xóa").click()
        page.get_by_role("dialog").get_by_role("button", name="Quay lại").click()
        assert site.posts == []
        page.get_by_role("button", name="Xóa").click()
        page.get_by_role("dialog").get_by_role("button", name="Đồng ý").click()
        expect(page.locator("#cho")).to_have_text("mới")


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (409, "alert:Lớp 4C vừa được chốt.", "Lớp 4C vừa được chốt."),
        (500, "<!doctype html><title>x</title><h1>lỗi</h1>", "Máy chủ chưa làm được việc này"),
    ],
)
def test_an_error_is_said_at_the_top_and_nothing_is_swapped(
    page: Page, site: Site, status: int, body: str, said: str
) -> None:
    if body.startswith("alert:"):
        body = render("errors/_fragment.html", message=body.removeprefix("alert:"))
    site.fragment = (status, body)
    with served(site) as base:
        page.goto(base)
        page.get_by_role("button", name="Thử").click()
        expect(page.locator("#flash")).to_contain_text(said)
        expect(page.locator("#flash .request-id")).to_contain_text("01977a3c-90aa")
        expect(page.locator("#cho")).to_have_text("cũ")
        page.locator("#flash").get_by_role("button", name="Đóng thông báo").click()
        expect(page.locator("#flash")).to_be_empty()


def test_a_form_sent_back_with_errors_is_shown_in_its_place(page: Page, site: Site) -> None:
    site.fragment = (422, "<p>Điểm 11 lớn hơn 10.</p>")
    with served(site) as base:
        page.goto(base)
        page.get_by_role("button", name="Thử").click()
        expect(page.locator("#cho")).to_have_text("Điểm 11 lớn hơn 10.")


def test_a_script_in_an_answer_never_runs(page: Page, site: Site, complaints: list[str]) -> None:
    site.fragment = (
        200,
        "<p>mới</p><script>window.stolen = 1</script><img src='/x.png' onerror='window.stolen = 1'>",
    )
    with served(site) as base:
        page.goto(base)
        page.get_by_role("button", name="Thử").click()
        expect(page.locator("#cho")).to_contain_text("mới")
        page.wait_for_timeout(200)
        assert page.evaluate("window.stolen") is None
        assert page.locator("#cho script").count() == 0
        assert any("event handler" in text for text in complaints)


def test_a_lost_line_is_said(page: Page, site: Site) -> None:
    with served(site) as base:
        page.goto(base)
        page.route("**/manh", lambda route: route.abort())
        page.get_by_role("button", name="Thử").click()
        expect(page.locator("#flash")).to_contain_text("Mất kết nối")


def test_progress_asks_until_the_work_has_ended(page: Page, site: Site, complaints: list[str]) -> None:
    with served(site) as base:
        page.goto(base)
        expect(page.locator("#viec")).to_contain_text("Đã xong")
        asked = site.done
        page.wait_for_timeout(300)
        assert (asked, page.locator("#viec progress").get_attribute("value")) == (4, "4")
        assert page.locator("#viec").get_attribute("hx-get") is None
        assert complaints == []


def test_a_chosen_file_is_named_in_our_words(page: Page) -> None:
    with served(lambda *_: answer(render("styleguide/page.html"))) as base:
        page.goto(base)
        words = page.locator(".file-box").first
        expect(words).to_contain_text("Chưa chọn tệp nào")
        files = page.locator("input[type=file]").first
        files.set_input_files({"name": "diem-8A.xlsx", "mimeType": "", "buffer": b"x"})
        expect(words).to_contain_text("diem-8A.xlsx")
        files.evaluate("field => field.value = ''")
        page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow'))")
        expect(words).to_contain_text("Chưa chọn tệp nào")
