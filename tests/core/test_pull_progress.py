"""How far a pull is, in both languages."""

from typing import Any

import pytest

from fleetsync.core.pull_progress import PullProgress, WaitReason, progress_sentence


def progress(**more: Any) -> PullProgress:
    counts = {"records": 1200, "pages": 3, "seconds": 42.4, "waits_for": None}
    return PullProgress(source="edlevo", part="pupils", **(counts | more))


def test_a_pull_says_what_it_has_read_for_how_long_it_runs_and_what_it_waits_for() -> None:
    sentence = progress_sentence(progress(waits_for=WaitReason.ANSWER))

    assert sentence.en == "1200 records on 3 pages so far, 42 s; waiting for the answer of the source"
    assert sentence.sv == "1200 poster på 3 sidor hittills, 42 s; väntar på källans svar"


def test_one_is_said_in_the_singular_and_a_long_time_in_minutes() -> None:
    sentence = progress_sentence(progress(records=1, pages=1, seconds=185.0))

    assert sentence.en == "1 record on 1 page so far, 3 min; going through what was read"
    assert sentence.sv == "1 post på 1 sida hittills, 3 min; det lästa gås igenom"


@pytest.mark.parametrize("reason", WaitReason)
def test_each_wait_has_words_of_its_own(reason: WaitReason) -> None:
    sentences = {progress_sentence(progress(waits_for=other)).en for other in (*WaitReason, None)}

    assert progress_sentence(progress(waits_for=reason)).en in sentences
    assert len(sentences) == len(WaitReason) + 1


def test_a_pull_is_called_by_its_source_and_part() -> None:
    assert progress().name == "edlevo/pupils"
