"""Many gaps are worked through with the keyboard alone; the number of keys is part of the design."""

import re

import pytest

pytestmark = [pytest.mark.part("chromium"), pytest.mark.xdist_group("browser")]

GAPS, MOST_KEYS = 50, 150
FOCUSED = "document.activeElement"


class Keys:
    """Counts every key that is pressed; a text counts as its letters."""

    def __init__(self, reader):
        self.reader, self.pressed = reader, 0

    def press(self, *keys):
        for key in keys:
            self.reader.page.keyboard.press(key)
            self.pressed += 1

    def press_until(self, key, selector):
        """Press *key* until an element that fits *selector* has the focus."""
        for _ in range(80):
            if self.reader.page.evaluate(f"{FOCUSED}.matches({selector!r})"):
                return
            self.press(key)
        raise AssertionError(f"{selector} is never reached")

    def type(self, text):
        self.reader.page.keyboard.type(text)
        self.pressed += len(text)


def parked(reader):
    return reader.get_json("/api/v1/gaps?state=parked&limit=1")["count"]


def test_fifty_gaps_are_parked_with_three_keys_a_gap_and_no_click(open_session, ordinary):
    reader = open_session(ordinary).goto("/gaps?severity=warning").sign_in("tekniker")
    before, keys = parked(reader), Keys(reader)

    keys.press("Tab", "Enter")  # to the content
    keys.press_until("Tab", "tbody .tick input")
    keys.press(*["Shift+ArrowDown"] * (GAPS - 1))
    assert f"{GAPS} valda" in reader.text(".with-ticked")
    keys.press("Escape")
    keys.press_until("Tab", "button[formaction]")
    keys.press("Enter")
    reader.page.wait_for_selector("#until")
    assert reader.title == f"Parkera {GAPS} avvikelser"

    keys.press("Tab", "Enter")
    keys.press_until("Tab", "#reason")
    keys.type("Lovet")
    keys.press("Enter")
    reader.page.wait_for_selector(".banner.done")
    assert f"{GAPS} avvikelser är parkerade" in reader.text(".banner.done")
    reader.wait_until(lambda: parked(reader) == before + GAPS)

    assert keys.pressed <= MOST_KEYS
    assert reader.clicks == 1  # of the sign-in
    rows = reader.get_json("/api/v1/gaps?state=parked")["rows"]
    chosen = [(row["kind"], row["subject_id"]) for row in rows if row["severity"] == "warning"]
    ordinary.daemon.services().manual_decisions.unpark(chosen, who="tests")
    reader.wait_until(lambda: parked(reader) == before)


def test_the_arrow_keys_lead_from_row_to_row_and_enter_opens_one(technician):
    technician.goto("/gaps")
    boxes = technician.page.locator("tbody .tick input")
    boxes.first.focus()
    technician.page.keyboard.press("ArrowDown")
    assert boxes.nth(1).evaluate("box => box === document.activeElement")
    assert not boxes.nth(1).is_checked()

    technician.page.keyboard.press("Enter")
    technician.page.wait_for_url(re.compile("/(people|devices)/"))


def test_all_rows_of_a_page_are_ticked_at_once(technician):
    technician.goto("/hand-out")
    technician.page.locator("[data-ticks-all]").check()
    count = technician.page.locator("tbody .tick input").count()

    assert technician.page.locator("tbody .tick input:checked").count() == count > 0
    assert f"{count} valda" in technician.text(".with-ticked")
