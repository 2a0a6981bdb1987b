"""Sign-in, access, forms, headers, and the endpoints for machines."""

from datetime import timedelta

import msgspec
import pytest

from fleetsync.clock import ManualClock
from fleetsync.expose.ports import SignInAccount
from fleetsync.expose.web import WebRefused, create_app, metrics_wsgi
from fleetsync.expose.web.limiter import (
    FAILURES_ALLOWED,
    FAILURES_ALLOWED_PER_ACCOUNT,
    FAILURES_ALLOWED_PER_ADDRESS,
    FORGOTTEN_AFTER_SECONDS,
    MAX_REMEMBERED_KEYS,
    SignInLimiter,
)
from tests.expose import example_page as e
from tests.expose.page_client import csrf_of, every_page, open_client, submit_sign_in


@pytest.mark.parametrize("path", every_page())
def test_nothing_is_shown_before_the_sign_in(path):
    answer = open_client(e.page_setup()).get(path)

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/sign-in?next=")


def test_the_api_answers_without_a_page():
    answer = open_client(e.page_setup()).get("/api/v1/gaps")

    message = "send a token that counts: Authorization: Bearer TOKEN. To make one: fleetsync token create NAME"
    assert (answer.status_code, answer.get_json()) == (401, {"error": 401, "message": message})


def test_the_right_password_leads_back_to_the_page_that_was_asked_for():
    setup = e.page_setup()
    client = open_client(setup)
    answer = submit_sign_in(client, "tea", to="/gaps?kind=stale")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/gaps?kind=stale")
    assert client.get("/gaps").status_code == 200
    assert ("tea", "signed in", "") in setup.decision_port.audited


@pytest.mark.parametrize("target", ["https://ondska.example/", "//ondska.example", "/\\ondska.example", "javascript:x"])
def test_the_sign_in_never_redirects_to_another_site(target):
    assert submit_sign_in(open_client(e.page_setup()), "tea", to=target).headers["Location"] == "/"


@pytest.mark.parametrize(("name", "password"), [("tea", "fel"), ("ingen", e.PASSWORD), ("", "")])
def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(name, password):
    answer = submit_sign_in(open_client(e.page_setup()), name, password)

    assert answer.status_code == 401
    assert "Fel namn eller lösenord." in answer.text


def test_too_many_failures_refuse_even_the_right_password():
    client = open_client(e.page_setup())
    for _ in range(FAILURES_ALLOWED):
        submit_sign_in(client, "tea", "fel")

    answer = submit_sign_in(client, "tea")
    assert answer.status_code == 429
    assert "För många försök" in answer.text


class HandClock(ManualClock):
    """A clock whose real time the test sets."""

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        super().__init__(e.NOW)
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


def test_failures_are_forgotten_after_a_while():
    clock = HandClock()
    limiter = SignInLimiter(clock)
    for _ in range(FAILURES_ALLOWED):
        limiter.record_failure("tea", "10.0.0.1")
    assert limiter.is_blocked("tea", "10.0.0.1")
    assert not limiter.is_blocked("stina", "10.0.0.1")
    assert not limiter.is_blocked("tea", "10.0.0.2")

    clock.seconds = FORGOTTEN_AFTER_SECONDS + 1
    assert not limiter.is_blocked("tea", "10.0.0.1")


def test_guessing_from_many_addresses_or_at_many_accounts_is_bounded_too():
    limiter = SignInLimiter(HandClock())
    for number in range(FAILURES_ALLOWED_PER_ACCOUNT):
        limiter.record_failure("tea", f"10.0.0.{number}")
    assert limiter.is_blocked("tea", "10.9.9.9")
    for number in range(FAILURES_ALLOWED_PER_ADDRESS):
        limiter.record_failure(f"account {number}", "10.1.1.1")
    assert limiter.is_blocked("stina", "10.1.1.1")
    assert not limiter.is_blocked("stina", "10.2.2.2")


def test_when_many_names_are_tried_the_oldest_is_forgotten():
    limiter = SignInLimiter(HandClock())
    for _ in range(FAILURES_ALLOWED):
        limiter.record_failure("tea", "10.0.0.1")
    for number in range(MAX_REMEMBERED_KEYS):
        limiter.record_failure(f"name {number}", "10.0.0.2")

    assert not limiter.is_blocked("tea", "10.0.0.1")


def test_the_typing_of_one_person_locks_out_nobody_else_behind_the_same_address():
    client = open_client(e.page_setup())
    for _ in range(FAILURES_ALLOWED + 1):
        submit_sign_in(client, "stina", "fel")

    answer = submit_sign_in(client, "stina")
    assert answer.status_code == 429
    assert "det här kontot från den här adressen" in answer.text
    assert submit_sign_in(client, "tea").status_code == 302


def test_failed_sign_ins_are_audited_without_what_was_typed():
    setup = e.page_setup()
    client = open_client(setup)
    submit_sign_in(client, "tea", "fel")
    submit_sign_in(client, "mitt lösenord", "fel")

    assert setup.decision_port.audited == [
        ("tea", "sign-in failed", ""),
        ("unknown account", "sign-in failed", ""),
    ]


@pytest.mark.parametrize(
    "target", ["/gaps\r\nSet-Cookie: a=b", "/gaps\n", "/\x00", "/a\x85b", "/a\u2028b", "//[", "/\x1b[31m", ""]
)
def test_a_line_break_or_a_control_character_leads_to_the_first_page(target):
    client = open_client(e.page_setup())
    assert client.get("/sign-in", query_string={"next": target}).status_code == 200

    answer = submit_sign_in(client, "tea", to=target)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert client.get("/sign-in", query_string={"next": target}).headers["Location"] == "/"


@pytest.mark.parametrize("pull", ["99999999999999999999", "-1", "0", "x", str(2**63)])
def test_a_pull_that_cannot_be_is_no_error_of_ours(pull):
    client = open_client(e.page_setup(), "tea")
    form = {"csrf": csrf_of(client, "/"), "pull": pull, "decision": "accept", "reason": "so"}

    assert client.post("/sources/intune/devices", data=form).status_code in {400, 403, 404}


def test_a_new_password_ends_the_old_sessions():
    setup = e.page_setup()
    client = open_client(setup)
    submit_sign_in(client, "tea")
    was: SignInAccount = setup.account_port.accounts["tea"]
    setup.account_port.accounts["tea"] = msgspec.structs.replace(was, changed_at=was.changed_at + timedelta(days=1))

    assert client.get("/").status_code == 302


def test_a_removed_account_is_out_at_once():
    setup = e.page_setup()
    client = open_client(setup)
    submit_sign_in(client, "tea")
    del setup.account_port.accounts["tea"]

    assert client.get("/").status_code == 302


def test_signing_out_needs_the_form_and_ends_the_session():
    client = open_client(e.page_setup())
    submit_sign_in(client, "tea")

    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out", data={"csrf": csrf_of(client, "/")}).status_code == 302
    assert client.get("/").status_code == 302


def test_a_copy_of_the_cookie_opens_nothing_after_the_sign_out():
    client = open_client(e.page_setup())
    submit_sign_in(client, "tea")
    cookie = client.get_cookie("fleetsync")
    assert cookie is not None
    copy = cookie.value
    client.post("/sign-out", data={"csrf": csrf_of(client, "/")})

    client.set_cookie("fleetsync", copy)

    assert client.get("/").status_code == 302
    submit_sign_in(client, "tea")
    assert client.get("/").status_code == 200


def test_a_session_ends_twelve_hours_after_the_sign_in_also_when_its_cookie_was_written_again():
    clock = ManualClock(e.NOW)
    client = open_client(e.page_setup(clock=clock))
    submit_sign_in(client, "tea")
    clock.set(e.NOW + timedelta(hours=11))
    with client.session_transaction() as session:
        session["again"] = True
    assert client.get("/").status_code == 200

    clock.set(e.NOW + timedelta(hours=12))

    assert client.get("/").status_code == 302


# --- forms ------------------------------------------------------------------------------------------------------------


def test_a_form_without_its_token_is_refused():
    client = open_client(e.page_setup(), "tea")

    assert client.post("/search", data={"q": "EXB00001"}).status_code == 403
    assert client.post("/search", data={"q": "EXB00001", "csrf": "gissat"}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://ondska.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_from_elsewhere_is_refused_even_with_its_token(headers):
    client = open_client(e.page_setup(), "tea")

    answer = client.post("/search", data={"q": "x", "csrf": csrf_of(client, "/")}, headers=headers)
    assert answer.status_code == 403
    assert "Inte tillåtet" in answer.text


@pytest.mark.parametrize("origin", ["null", "http://localhost"])
def test_a_form_of_our_own_passes(origin):
    client = open_client(e.page_setup(), "tea")

    answer = client.post("/search", data={"q": "ekskolan", "csrf": csrf_of(client, "/")}, headers={"Origin": origin})
    assert answer.headers["Location"] == "/units/ekskolan"


# --- hosts, headers, cookies ------------------------------------------------------------------------------------------


def test_a_foreign_name_gets_no_answer():
    client = open_client(e.page_setup(), "tea")

    assert client.get("/", headers={"Host": "ondska.example"}).status_code == 400
    assert client.get("/metrics", headers={"Host": "ondska.example"}).status_code == 400


def test_every_answer_is_closed_to_the_rest_of_the_web():
    client = open_client(e.page_setup(), "tea")
    for path in (*every_page(), "/sign-in", "/finns-inte", "/static/page.css"):
        headers = client.get(path, buffered=True).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert ("no-store" in headers["Cache-Control"]) != path.startswith("/static/")


def test_the_session_is_out_of_reach_of_scripts_and_other_pages():
    answer = submit_sign_in(open_client(e.page_setup()), "tea")

    cookie = next(line for line in answer.headers.getlist("Set-Cookie") if line.startswith("fleetsync="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_over_https_cookies_are_for_https_alone():
    setup = e.page_setup(is_loopback=False, public_url="https://verktyg.exempelby.se")
    client = create_app(setup.services).test_client()

    answer = client.get("/sign-in?lang=en", base_url="https://verktyg.exempelby.se")
    assert all("Secure" in line for line in answer.headers.getlist("Set-Cookie"))
    assert any(line.startswith("__Host-fleetsync=") for line in answer.headers.getlist("Set-Cookie"))


@pytest.mark.parametrize("public_url", ["", "http://verktyg.exempelby.se"])
def test_a_page_for_others_demands_https(public_url):
    with pytest.raises(WebRefused, match="public_url must be the https:// address"):
        create_app(e.page_setup(is_loopback=False, public_url=public_url).services)


# --- machines ---------------------------------------------------------------------------------------------------------


def test_metrics_need_no_sign_in_on_this_machine_and_do_behind_a_proxy():
    setup = e.page_setup(public_url="https://verktyg.exempelby.se")
    client = create_app(setup.services).test_client()

    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", base_url="https://verktyg.exempelby.se").status_code == 401


def test_metrics_are_the_exposition_with_the_daemons_own_series():
    answer = open_client(e.page_setup()).get("/metrics")

    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'fleetsync_entitled{entitlement="pupils",unit="ekskolan"}' in answer.text
    assert "fleetsync_build_info" in answer.text


def test_metrics_are_compressed_for_clients_that_accept_it():
    import gzip

    client = open_client(e.page_setup())
    answer = client.get("/metrics", headers={"Accept-Encoding": "gzip"})

    assert answer.headers["Content-Encoding"] == "gzip"
    assert b"fleetsync_school_day 1.0" in gzip.decompress(answer.data)
    assert "Content-Encoding" not in client.get("/metrics", headers={"Accept-Encoding": "gzip;q=0"}).headers


@pytest.mark.parametrize(("path", "broken"), [("/livez", "alive"), ("/readyz", "ready")])
def test_health_says_what_failed(path, broken):
    setup = e.page_setup()
    client = open_client(setup)
    assert client.get(path).get_json()["status"] == "ok"

    setattr(setup.shown_holder, broken, False)
    answer = client.get(path)
    assert answer.status_code == 503
    assert "failed" in answer.get_json()["checks"].values()


def test_the_small_server_has_only_the_endpoints_for_machines():
    from werkzeug.test import Client

    client = Client(metrics_wsgi(e.page_setup().services))
    assert [client.get(path).status_code for path in ("/metrics", "/livez", "/readyz", "/", "/gaps", "/sign-in")] == [
        200, 200, 200, 404, 404, 404,
    ]  # fmt: skip


def test_the_page_is_a_wsgi_callable():
    from werkzeug.test import Client

    assert Client(create_app(e.page_setup().services).wsgi_app).get("/livez").status_code == 200
