"""Flask's test client for the pages, and helpers that read what it gets."""

import re
from functools import cache
from html import unescape
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from fleetsync.expose.web import create_app
from fleetsync.expose.web.registry import PAGES
from tests.expose import example_page as e

# An example value for each parameter of an address.
EXAMPLE_PARAMETERS = {
    "slug": "ekskolan",
    "device_id": "d-intune-exb00041",
    "person_id": "p-edlevo-ek-4A-0",
    "measure": "short",
    "source": "intune",
    "part": "devices",
}


def every_page() -> list[str]:
    """The address of every registered page. A new parameter needs an example above."""
    parameter = re.compile(r"<(?:\w+:)?(\w+)>")
    return [parameter.sub(lambda match: EXAMPLE_PARAMETERS[match[1]], entry.rule) for entry in PAGES.values()]


def open_client(setup: e.PageSetup, name: str | None = None) -> FlaskClient:
    """A client that has not signed in, or with *name* signed in."""
    client = create_app(setup.services).test_client()
    if name is not None:
        with client.session_transaction() as session:
            session["name"] = name
            session["since"] = setup.account_port.accounts[name].changed_at.isoformat()
            session["signed_in_at"] = setup.services.clock.now().isoformat()
    return client


def csrf_of(client: FlaskClient, path: str, **more: Any) -> str:
    """The token of the forms of a page."""
    match = re.search(r'name="csrf" value="([^"]+)"', client.get(path, **more).text)
    assert match is not None
    return match[1]


def submit_sign_in(
    client: FlaskClient, name: str, password: str = e.PASSWORD, to: str = "/", **more: Any
) -> TestResponse:
    """Submit the sign-in form."""
    form = {"name": name, "password": password, "next": to, "csrf": csrf_of(client, "/sign-in", **more)}
    return client.post("/sign-in", data=form, **more)


def hrefs(text: str) -> list[str]:
    """Where the links of a page lead."""
    return [unescape(href) for href in re.findall(r'href="([^"]+)"', text)]


def visible_text(text: str) -> str:
    """The visible text of a page, in one line."""
    bare = re.sub(r"<(script|style|title)[^>]*>.*?</\1>|<[^>]+>", " ", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(bare)).replace("\u00a0", " ")


@cache
def signed_in_client() -> tuple[e.PageSetup, FlaskClient]:
    """A technician at the small municipality; for tests that change nothing."""
    setup = e.page_setup()
    return setup, open_client(setup, "tea")


def read(path: str, client: FlaskClient | None = None, **more: Any) -> str:
    """A page that must be there."""
    answer = (client or signed_in_client()[1]).get(path, **more)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.text


def undo(client: FlaskClient, page: str) -> TestResponse:
    """Press the button that the page offers after a decision."""
    form = re.search(r'<form class="undo" method="post" action="([^"]+)">(.*?)</form>', page, re.DOTALL)
    assert form is not None, "there is a button"
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', form[2]):
        fields.setdefault(name, []).append(unescape(value))
    return client.post(unescape(form[1]), data=fields, follow_redirects=True)
