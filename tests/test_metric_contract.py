"""A metric of the last release keeps its name and labels until it was published as deprecated."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from fleetsync.core.measures import Publication, Stability

DOCS = Path(__file__).parents[1] / "docs"


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("metric_contract", DOCS / "metric_contract.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CONTRACT = load_script()
RELEASE = CONTRACT.read_release((DOCS / "released_metrics.toml").read_text(encoding="utf-8"))
STABLE = "fleetsync_covered"


def broken(**changed: object) -> list[str]:
    """The broken promises when the metrics of the last release are *changed*; None: dropped."""
    metrics = {name: promise for name, promise in {**RELEASE.metrics, **changed}.items() if promise is not None}
    return [*CONTRACT.broken_promises(RELEASE, metrics), *CONTRACT.misdated_metrics(RELEASE, metrics)]


def test_no_promise_of_the_last_release_is_broken() -> None:
    assert RELEASE.metrics[STABLE].publication == Publication("0.1")
    assert list(CONTRACT.broken_promises(RELEASE, CONTRACT.current_metrics())) == []
    assert list(CONTRACT.misdated_metrics(RELEASE, CONTRACT.current_metrics())) == []


def test_a_dropped_metric_and_a_dropped_label_are_detected() -> None:
    promise = RELEASE.metrics[STABLE]

    assert broken(**{STABLE: None}) == [
        "fleetsync_covered is gone: publish it as deprecated, beside what replaces it, for a release"
    ]
    (sentence,) = broken(**{STABLE: promise._replace(labels=promise.labels - {"by"})})
    assert sentence.startswith("fleetsync_covered has other labels (by)")
    (sentence,) = broken(**{STABLE: promise._replace(labels=promise.labels | {"floor"})})
    assert sentence.startswith("fleetsync_covered has other labels (floor)")


def test_a_metric_that_was_published_as_deprecated_may_go_and_one_announced_only_now_may_not() -> None:
    deprecated = RELEASE.metrics[STABLE]._replace(publication=Publication("0.1", deprecated_in="0.2"))
    announced = CONTRACT.Release("0.2", {**RELEASE.metrics, STABLE: deprecated})
    without = {name: promise for name, promise in RELEASE.metrics.items() if name != STABLE}

    assert list(CONTRACT.broken_promises(announced, without)) == []
    assert broken(**{STABLE: deprecated}) == []
    assert broken(**{STABLE: None}) != []


def test_a_new_metric_says_a_release_that_is_to_come() -> None:
    new = CONTRACT.MetricPromise(frozenset({"unit"}), Publication("0.1"))
    later = new._replace(publication=Publication("0.10"))

    assert broken(fleetsync_new=new) == ["fleetsync_new is new since release 0.1, so its `since` is a later release"]
    assert broken(fleetsync_new=later) == []


def test_a_stable_metric_stays_stable_and_an_experimental_one_may_change() -> None:
    unstable = RELEASE.metrics[STABLE]._replace(publication=Publication("0.1", Stability.EXPERIMENTAL))
    rewritten = RELEASE.metrics[STABLE]._replace(publication=Publication("0.2"))

    assert broken(**{STABLE: unstable}) == ["fleetsync_covered was stable and cannot become experimental"]
    assert broken(**{STABLE: rewritten}) == ["fleetsync_covered is published since 0.1, not 0.2"]
    assert broken(fleetsync_devices_by_age=None) == []


@pytest.mark.parametrize("deprecated_in", [None, "0.2"])
def test_a_written_list_is_read_back(deprecated_in: str | None) -> None:
    metrics = {STABLE: CONTRACT.MetricPromise(frozenset({"unit"}), Publication("0.1", deprecated_in=deprecated_in))}

    assert CONTRACT.read_release("\n".join(CONTRACT.release_lines("0.2", metrics))) == CONTRACT.Release("0.2", metrics)
