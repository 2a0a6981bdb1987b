from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from fleetsync.core.lifecycle import GapFinding, update_episodes
from fleetsync.core.model import Episode, Moment, Parking, Subject, Text
from tests.core.lifecycle.lifecycle_samples import TODAY, day, instant, moment

NOW = moment()
WHY = Text("därför", "because")
OPENED = instant("2026-11-01")


def found(subject: str = "d1", kind: str = "stale", may_open: bool = True, **fields: object) -> GapFinding:
    defaults: dict[str, object] = {"unit": "bjorkskolan", "reason": WHY} | fields
    return GapFinding(kind=kind, subject=Subject.DEVICE, subject_id=subject, may_open=may_open, **defaults)  # type: ignore[arg-type]


def episode(subject: str = "d1", kind: str = "stale", **fields: object) -> Episode:
    defaults: dict[str, object] = {"unit": "bjorkskolan", "opened_at": OPENED, "reason": WHY} | fields
    return Episode(kind=kind, subject=Subject.DEVICE, subject_id=subject, **defaults)  # type: ignore[arg-type]


def test_a_new_finding_opens_now() -> None:
    assert update_episodes([found(known_before=True)], (), (), NOW) == (
        (episode(opened_at=NOW.at, known_before=True),),
        (),
    )


def test_the_same_finding_stays_one_episode_with_its_opening_and_takes_todays_unit_and_reason() -> None:
    other = Text("annat", "other")
    opened, closed = update_episodes([found(unit="ekskolan", reason=other)], [episode(known_before=True)], (), NOW)

    assert opened == (episode(unit="ekskolan", reason=other, known_before=True),)
    assert closed == ()


def test_what_is_not_found_any_more_closes_now_and_once() -> None:
    _, closed = update_episodes([], [episode()], (), NOW)

    assert closed == (episode(closed_at=NOW.at),)
    assert update_episodes([], closed, (), NOW) == ((), ())


def test_closed_and_found_again_within_a_day_is_the_same_episode() -> None:
    within = episode(closed_at=NOW.at - timedelta(hours=24))
    after = episode(closed_at=NOW.at - timedelta(hours=24, seconds=1))

    assert update_episodes([found()], [within], (), NOW) == ((episode(),), ())
    assert update_episodes([found()], [after], (), NOW) == ((episode(opened_at=NOW.at),), ())


def test_of_a_closed_and_an_open_one_of_a_key_the_open_one_counts() -> None:
    closed = episode(opened_at=instant("2026-11-20"), closed_at=NOW.at - timedelta(hours=1))

    assert update_episodes([found()], [episode(), closed], (), NOW)[0] == (episode(),)
    assert update_episodes([found()], [closed, episode()], (), NOW)[0] == (episode(),)


def test_over_a_break_nothing_opens_and_what_is_open_stays() -> None:
    assert update_episodes([found(may_open=False)], (), (), NOW) == ((), ())
    assert update_episodes([found(may_open=False)], [episode()], (), NOW) == ((episode(),), ())


def test_a_parked_gap_is_parked_until_its_last_day_and_open_all_the_same() -> None:
    parked = Parking(kind="stale", subject_id="d1", until=day(TODAY))
    over = Parking(kind="stale", subject_id="d1", until=day("2026-11-23"))

    assert update_episodes([found()], [episode()], [parked], NOW)[0][0].parked_until == day(TODAY)
    assert update_episodes([found()], [episode(parked_until=over.until)], [over], NOW)[0][0].parked_until is None


FINDINGS = st.lists(st.builds(found, st.sampled_from(["d1", "d2"]), st.sampled_from(["stale", "lost"]), st.booleans()))


@given(st.lists(FINDINGS, max_size=5))
def test_a_key_is_never_open_twice_and_a_second_run_always_changes_nothing(days: list[list[GapFinding]]) -> None:
    believed: tuple[Episode, ...] = ()
    for number, findings in enumerate(days):
        now = Moment(NOW.at + timedelta(hours=10 * number), NOW.today)
        opened, closed = update_episodes(findings, believed, (), now)
        assert len({episode.key for episode in opened}) == len(opened)
        assert not {episode.key for episode in opened} & {closed_episode.key for closed_episode in closed}
        believed = (*opened, *closed)
        assert update_episodes(findings, believed, (), now) == (opened, ())
