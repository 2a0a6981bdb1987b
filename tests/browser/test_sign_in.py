"""Sign-in: who gets access, for how long, and that forms of other sites are refused."""

import pytest

from fleetsync.cli.accounts import hash_password
from tests.serving import PASSWORD

pytestmark = [pytest.mark.part("chromium"), pytest.mark.xdist_group("browser")]

HALF_A_DAY_SECONDS = 12 * 3600
NOT_AN_ANSWER = "Failed to load resource"  # how the browser itself comments on a refusal


def forgiven(reader):
    """Drop the browser's own messages about refusals that the test provoked."""
    reader.problems[:] = [line for line in reader.problems if not line.startswith(NOT_AN_ANSWER)]


def test_a_wrong_password_gives_no_access_and_does_not_say_what_was_wrong(open_session, ordinary):
    guest = open_session(ordinary).goto("/").sign_in("tekniker", "gissat")
    assert "Fel namn eller lösenord." in guest.text()
    assert guest.page.locator("nav").count() == 0

    guest.sign_in("tekniker")
    assert "saknas" in guest.title
    forgiven(guest)


def test_nothing_is_shown_before_the_sign_in(open_session, ordinary):
    guest = open_session(ordinary).goto("/units/vretaskolan")

    assert guest.path == "/sign-in"
    assert "Vretaskolan" not in guest.text()


def test_a_session_lasts_half_a_day_and_its_cookie_is_for_no_script(open_session, ordinary):
    guest = open_session(ordinary).goto("/").sign_in("tekniker")
    (cookie,) = [cookie for cookie in guest.context.cookies() if cookie["name"] == "fleetsync"]
    seconds_left = cookie["expires"] - guest.page.evaluate("Date.now() / 1000")

    assert HALF_A_DAY_SECONDS - 600 < seconds_left <= HALF_A_DAY_SECONDS + 5
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"


def test_signing_out_ends_the_session(open_session, ordinary):
    guest = open_session(ordinary).goto("/policy").sign_in("vikarie")
    guest.click(guest.page.get_by_role("button", name="Logga ut"))

    assert "Du är utloggad." in guest.text()
    assert guest.goto("/policy").path == "/sign-in"


def test_a_new_password_ends_the_sessions_of_the_old_one(open_session, ordinary):
    guest = open_session(ordinary).goto("/").sign_in("vikarie")
    ordinary.daemon.ledger.set_password("vikarie", hash_password(PASSWORD))

    assert guest.goto("/policy").path == "/sign-in"


@pytest.mark.parametrize(
    "forged",
    [
        "new URLSearchParams({pull: '1', decision: 'accept', reason: 'x'})",
        "new URLSearchParams({csrf: 'x', pull: '1', decision: 'accept', reason: 'x'})",
    ],
    ids=["without a token", "with a wrong token"],
)
def test_a_form_without_its_token_is_refused(technician, forged):
    technician.goto("/sources/personal/staff")
    status = technician.page.evaluate(f"fetch(location.href, {{method: 'POST', body: {forged}}}).then(a => a.status)")

    assert status == 403
    forgiven(technician)


def test_a_form_of_another_site_is_refused_even_with_the_token(technician):
    token = technician.goto("/").page.locator("input[name=csrf]").first.get_attribute("value")
    answer = technician.context.request.post(
        f"{technician.scene.address}/search",
        form={"csrf": token, "q": "x"},
        headers={"Origin": "https://elsewhere.example"},
    )

    assert answer.status == 403
