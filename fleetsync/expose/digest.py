"""The weekly digest of a unit for its principal: counts, what changed since a week ago, and one link; never a person.

Plain text and simple HTML, in Swedish or English. Who receives it and how it is sent is the daemon's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup, escape

from fleetsync.core.model import CoverageDay, Text
from fleetsync.expose.explanations import open_gaps_by_kind
from fleetsync.expose.gate import VisibleSnapshot
from fleetsync.expose.lookup import GAP_KINDS
from fleetsync.expose.web.localiser import Localiser

DAYS_BACK = 7


@dataclass(frozen=True)
class DigestCoverage:
    """The numbers of an entitlement now, and what was covered and short a week ago (None: nothing was published)."""

    title: Text
    now: CoverageDay
    before: CoverageDay | None


@dataclass(frozen=True)
class DigestGaps:
    """How many gaps of a kind are open and not parked, now and a week ago (None: nothing was published)."""

    title: Text
    now: int
    before: int | None


@dataclass(frozen=True)
class Digest:
    """What one unit is told of one week."""

    unit: str
    unit_name: str
    day: date
    coverage: Sequence[DigestCoverage]
    gaps: Sequence[DigestGaps]
    url: str  # of the unit's page; "": the page has no address that others reach


@dataclass(frozen=True)
class DigestText:
    """A digest in one language."""

    subject: str
    plain: str
    html: str


def first_day_of_week(day: date) -> date:
    """The Monday of the week of *day*."""
    return day - timedelta(days=day.weekday())


def build_digest(unit: str, now: VisibleSnapshot, before: VisibleSnapshot | None, public_url: str) -> Digest:
    """The digest of *unit*. *before*: what was published a week ago. Raises KeyError for an unknown unit."""
    names = {known.slug: known.name for known in now.units}
    titles = {rule.id: rule.title for rule in now.policy.entitlements if rule.is_valid_on(now.today)}
    earlier = {row.entitlement: row for row in before.coverage if row.unit == unit} if before else {}
    gaps_before = open_gaps_by_kind(before, unit) if before else None
    gaps_now = open_gaps_by_kind(now, unit)
    kinds = [kind for kind in GAP_KINDS if kind in gaps_now or kind in (gaps_before or ())]
    return Digest(
        unit=unit,
        unit_name=names[unit],
        day=now.today,
        coverage=[
            DigestCoverage(titles[row.entitlement], row, earlier.get(row.entitlement))
            for row in now.coverage
            if row.unit == unit and row.entitlement in titles and row.entitled
        ],
        gaps=[
            DigestGaps(
                GAP_KINDS[kind].title,
                gaps_now.get(kind, 0),
                None if gaps_before is None else gaps_before.get(kind, 0),
            )
            for kind in kinds
        ],
        url=f"{public_url}/units/{unit}" if public_url else "",
    )


def write_digest(digest: Digest, localiser: Localiser) -> DigestText:
    """The digest in the language of *localiser*."""
    t = localiser.t
    week = digest.day.isocalendar().week
    subject = t("Digitala verktyg på {unit}, vecka {week}", "Digital tools at {unit}, week {week}",
                unit=Markup(digest.unit_name), week=str(week))  # fmt: skip  # noqa: S704 - of a header, no markup
    parts = _paragraphs(digest, localiser)
    footer = t(
        "Brevet har bara antal, aldrig personer. Vem det gäller ser du på sidan, om din roll får.",
        "This mail has counts alone, never persons. Whom it is about stands on the page, for those who may see it.",
    )
    link = t("Öppna enhetens sida", "Open the page of the unit")
    plain = "\n\n".join(["\n".join([title, *(f"  {line}" for line in lines)]) for title, lines in parts])
    plain = "\n\n".join(filter(None, [str(subject), plain, f"{link}: {digest.url}" if digest.url else "", str(footer)]))
    return DigestText(str(subject), plain + "\n", _html(str(subject), parts, str(link), digest.url, str(footer)))


def _paragraphs(digest: Digest, localiser: Localiser) -> Sequence[tuple[str, Sequence[str]]]:
    """(heading, its lines)."""
    t = localiser.t
    coverage = [
        (
            localiser.translate(row.title),
            [
                str(
                    t(
                        "{covered} av {entitled} har ett verktyg i drift ({ratio})",
                        "{covered} of {entitled} have a working device ({ratio})",
                        covered=row.now.covered,
                        entitled=row.now.entitled,
                        ratio=localiser.percent(row.now.ratio),
                    )
                ),
                str(t("{short} saknar, {unknown} vet inte", "{short} short, {unknown} unknown", short=row.now.short, unknown=row.now.unknown)),
                *_coverage_change(row, localiser),
            ],
        )
        for row in digest.coverage
    ]  # fmt: skip
    gaps = [
        f"{localiser.translate(row.title)}: {localiser.number(row.now)}{_gap_change(row, localiser)}"
        for row in digest.gaps
    ]
    return [*coverage, (str(t("Att göra", "To do")), gaps or [str(t("Inget just nu.", "Nothing now."))])]


def _coverage_change(row: DigestCoverage, localiser: Localiser) -> Iterator[str]:
    if row.before is None:
        return
    difference = row.now.covered - row.before.covered
    if difference or row.now.entitled != row.before.entitled:
        yield str(
            localiser.t(
                "för en vecka sedan {covered} av {entitled}",
                "a week ago {covered} of {entitled}",
                covered=row.before.covered,
                entitled=row.before.entitled,
            )
        )
    else:
        yield str(localiser.t("oförändrat sedan förra veckan", "as it was last week"))


def _gap_change(row: DigestGaps, localiser: Localiser) -> str:
    if row.before is None or row.before == row.now:
        return ""
    return str(localiser.t(" (förra veckan {n})", " (last week {n})", n=row.before))


def _html(subject: str, parts: Sequence[tuple[str, Sequence[str]]], link: str, url: str, footer: str) -> str:
    """The same as HTML that every mail program draws: headings, lists, one link, no picture."""
    lists = Markup("").join(
        Markup("<h2>{}</h2><ul>{}</ul>").format(
            title, Markup("").join(Markup("<li>{}</li>").format(line) for line in lines)
        )
        for title, lines in parts
    )
    anchor = Markup('<p><a href="{}">{}</a></p>').format(url, link) if url else Markup("")
    body = Markup("<h1>{}</h1>{}{}<p><small>{}</small></p>").format(subject, lists, anchor, footer)
    return str(
        Markup(
            '<!doctype html><html><head><meta charset="utf-8"><title>{}</title></head><body>{}</body></html>'
        ).format(escape(subject), body)
    )
