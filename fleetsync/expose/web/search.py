"""The search: a serial, an asset tag, a class, a log-in or a unit. What is searched for is posted and stands in no address.

One hit leads to its page. Children and protected persons are never found, and each person who is found is audited.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from flask import redirect, render_template, request, url_for

from fleetsync.core.identity import folded
from fleetsync.core.model import DeviceCase, PersonCase
from fleetsync.expose.lists.names import login_of
from fleetsync.expose.web.registry import PageResponse, pages
from fleetsync.expose.web.request_context import RequestContext, request_context

MIN_PART_LETTERS = 4  # of a serial or an asset tag that is not whole; fewer letters are in too many
MIN_LOGIN_LETTERS = 3  # of the beginning of a log-in
MAX_HITS = 25  # of each sort


@dataclass(frozen=True)
class SearchHits:
    """What a text may mean. Each sort holds *MAX_HITS* at most; *is_cut*: there are more."""

    classes: Sequence[tuple[str, str, int]] = ()  # (unit, class, how many persons are listed in it)
    devices: Sequence[DeviceCase] = ()
    people: Sequence[PersonCase] = ()

    def __bool__(self) -> bool:
        return bool(self.classes or self.devices or self.people)

    @property
    def is_cut(self) -> bool:
        """Whether there may be more hits than are shown."""
        return max(len(self.classes), len(self.devices), len(self.people)) == MAX_HITS


@pages.post("/search")
def search() -> PageResponse:
    """The page of what was searched for; where several things may be meant, a choice."""
    context = request_context()
    text = folded(request.form.get("q", ""))
    if not text:
        return render_template("search.html", hits=SearchHits()), 404
    if (target := _unit_page(context, text) or _device_page(context, text) or _person_page(context, text)) is not None:
        return redirect(target)
    hits = find_hits(context, text)
    for case in hits.people:
        context.write_audit("searched person", case.person.id)
    return render_template("search.html", hits=hits), 200 if hits else 404


def find_hits(context: RequestContext, text: str) -> SearchHits:
    """Classes of this name, devices with this part in their numbers, and persons whose log-in begins so."""
    return SearchHits(
        classes=list(islice(_classes(context, text), MAX_HITS)),
        devices=list(islice(_devices_with(context, text), MAX_HITS)),
        people=list(islice(_people_with(context, text), MAX_HITS)),
    )


# --- one thing ----------------------------------------------------------------------------------------------------------


def _unit_page(context: RequestContext, text: str) -> str | None:
    for slug, known in context.lookup.units.items():
        if text in {folded(slug), folded(known.name), *map(folded, known.codes)}:
            return url_for("pages.unit", slug=slug)
    return None


def _device_page(context: RequestContext, text: str) -> str | None:
    for device_id, case in context.lookup.devices.items():
        if text in {device_id.casefold(), *_numbers(case)}:
            return url_for("pages.device", device_id=device_id)
    return None


def _person_page(context: RequestContext, text: str) -> str | None:
    person_id = context.lookup.find_person(text)
    if person_id is None:
        return None
    context.write_audit("searched person", person_id)
    return url_for("pages.person", person_id=person_id)


# --- several ------------------------------------------------------------------------------------------------------------


def _listed_people(context: RequestContext) -> Iterator[PersonCase]:
    """Everybody who may be shown."""
    concealed = context.lookup.concealed
    return (case for person_id, case in context.lookup.people.items() if person_id not in concealed)


def _classes(context: RequestContext, text: str) -> Iterator[tuple[str, str, int]]:
    members = Counter(
        (case.person_state.unit, group)
        for case in _listed_people(context)
        if (group := case.person_state.class_group) and folded(group) == text
    )
    return ((unit, group, count) for (unit, group), count in sorted(members.items()))


def _devices_with(context: RequestContext, text: str) -> Iterator[DeviceCase]:
    if len(text) < MIN_PART_LETTERS:
        return iter(())
    return (case for case in context.lookup.devices.values() if any(text in number for number in _numbers(case)))


def _numbers(case: DeviceCase) -> Iterable[str]:
    """The serial and the asset tag, as they are searched for."""
    return [folded(value) for value in (case.device.serial, case.device.asset_tag) if value]


def _people_with(context: RequestContext, text: str) -> Iterator[PersonCase]:
    if len(text) < MIN_LOGIN_LETTERS or not context.may_see_logins:
        return iter(())
    return (case for case in _listed_people(context) if folded(login_of(case.person) or "").startswith(text))
