"""Pulls the parts that are due into staging. Sources are pulled side by side, the parts of one source in order.

Nothing is judged or believed here.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from fleetsync import log
from fleetsync.pull.contract import Part
from fleetsync.pull.registry import Source
from fleetsync.pull.runner import PullResult
from fleetsync.store.ledger import PartBusy, StoreUnavailable
from fleetsync.sync.context import RunContext

logger = log.get(__name__)

WORKERS = 16  # sources pulled at the same time; each has one request in flight


def pull_side_by_side(run_context: RunContext, due: Sequence[tuple[Source, Part]]) -> tuple[PullResult, ...]:
    """Pull what is *due*, one worker per source. The parts of a source are pulled in the order it declares them."""
    by_source: dict[str, list[tuple[Source, Part]]] = {}
    for source, part in due:
        by_source.setdefault(source.name, []).append((source, part))
    if not by_source:
        return ()
    with ThreadPoolExecutor(min(WORKERS, len(by_source)), thread_name_prefix="pull") as pool:
        jobs = [pool.submit(pull_source, run_context, parts) for parts in by_source.values()]
        outages = [error for job in jobs if isinstance(error := job.exception(), StoreUnavailable)]
        results = tuple(pulled for job in jobs if job.exception() not in outages for pulled in job.result())
        if outages and not results:
            raise outages[0]
        return results


def pull_source(run_context: RunContext, parts: Sequence[tuple[Source, Part]]) -> list[PullResult]:
    """Pull the parts of one source one after the other. Leaves out a part that another process is pulling."""
    results = []
    for source, part in parts:
        if run_context.stop.is_set():
            break
        with log.bound_fields(source=source.name, part=part.name):
            try:
                results.append(run_context.runner.pull(source, part, run_context.stop))
            except PartBusy as busy:
                logger.info("part is busy", reason=str(busy))
            except StoreUnavailable:
                # The store has logged it, once. What was read before is judged; with nothing read, the caller is told.
                if not results:
                    raise
                break
            except Exception:
                # An error in our own code ends this part only: the next part and the next run go on.
                logger.exception("pull broke")
    return results
