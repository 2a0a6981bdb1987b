"""Held pulls: the page shows what a decision would change, and the numbers then change by exactly that."""

import csv
import io

import pytest

from tests.browser.browser_session import number

pytestmark = [pytest.mark.part("chromium"), pytest.mark.xdist_group("browser")]


@pytest.fixture
def tea(open_session, held):
    reader = open_session(held).goto("/").sign_in("tekniker")
    reader.wait_until(held.are_held_plans_ready)
    return reader


def coverage(reader):
    text = reader.context.request.get(f"{reader.scene.address}/coverage?format=csv").text()
    return {
        (row[0], row[1]): (int(row[2]), int(row[4])) for row in list(csv.reader(io.StringIO(text), delimiter=";"))[1:]
    }


def decide(reader, button):
    reader.page.get_by_label("Motivering").fill("Bekräftat med den som levererar")
    reader.click(reader.page.get_by_role("button", name=button))


def test_a_decision_needs_a_reason(tea):
    tea.goto("/sources")
    tea.click(tea.page.get_by_role("link", name="väntar på beslut").first)
    tea.page.get_by_role("button", name="Godta hämtningen").click()

    assert tea.page.locator(".decide").count() == 1
    assert tea.page.evaluate("document.activeElement.id") == "reason"


def test_an_accepted_pull_changes_the_numbers_as_its_plan_said(tea):
    tea.goto("/")
    banner = tea.page.locator(".banner.held", has_text="personal/staff")
    assert "poster saknas" in banner.inner_text()

    tea.click(banner.get_by_role("link", name="Granska"))
    promised = {
        (row[0], row[1]): [tuple(map(number, cell.split("→"))) for cell in row[2:4]]
        for row in tea.rows(".decide .coverage-changes")
    }
    assert promised
    before = coverage(tea)
    assert all(before[cell] == (entitled[0], covered[0]) for cell, (entitled, covered) in promised.items())

    decide(tea, "Godta hämtningen")
    assert "Beslutet är antecknat" in tea.text(".banner.done")
    wanted = before | {cell: (entitled[1], covered[1]) for cell, (entitled, covered) in promised.items()}
    tea.wait_until(lambda: coverage(tea) == wanted)

    tea.goto("/sources/personal/staff")
    assert tea.page.locator(".decide").count() == 0
    assert "godtagen" in tea.text("section:last-of-type tbody tr:first-child")


def test_a_rejected_pull_changes_no_number(tea):
    before = coverage(tea)
    tea.goto("/sources")
    tea.click(tea.page.locator("[id='intune/devices'] th a"))
    assert "Varför den hölls" in tea.text(".decide")
    assert "poster (verktyg) saknas" in (tea.page.locator(".decide .findings li").first.text_content() or "")

    decide(tea, "Avvisa den")
    assert "Beslutet är antecknat" in tea.text(".banner.done")
    assert tea.page.locator(".decide").count() == 0
    assert "avvisad" in tea.text("section:last-of-type tbody tr:first-child")
    assert {cell: covered for cell, (_, covered) in coverage(tea).items()} == {
        cell: covered for cell, (_, covered) in before.items()
    }
