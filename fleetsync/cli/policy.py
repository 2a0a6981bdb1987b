"""policy check and diff: what a policy in a file says, and what coverage would become under it."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path

import click

from fleetsync import sync
from fleetsync.cli.application import load_settings, open_application
from fleetsync.cli.errors import EXIT_UNUSABLE, CommandError
from fleetsync.cli.output import LANGUAGE
from fleetsync.core.coverage import UnitEffect
from fleetsync.core.model import CoverageDay, Policy
from fleetsync.settings import read_proposed_policy, untried_name_patterns

FILE_ARGUMENT = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group(help="Try a policy that stands in a file of its own. Nothing is changed.")
def policy() -> None:
    """FILE holds tables such as [[entitlement]], as config.toml has them; they take the place of those there."""


@policy.command(help="Is the policy in FILE valid, and what does it say?")
@FILE_ARGUMENT
@click.pass_context
def check(ctx: click.Context, file: Path) -> None:
    """Print each rule in sentences. Exit 2 if FILE cannot be used."""
    proposed = read_proposed_policy(load_settings(ctx), file)
    click.echo(f"ok       {file.name}: {len(proposed.entitlements)} rules, {len(proposed.device_rules)} device rules")
    for line in _policy_lines(proposed):
        click.echo(line)


def _policy_lines(proposed: Policy) -> Iterator[str]:
    from fleetsync.expose.web.localiser import Localiser
    from fleetsync.expose.web.policy_sentences import (
        device_rule_sentence,
        entitlement_sentences,
        local_plan_sentence,
        raise_sentences,
    )

    localiser = Localiser(LANGUAGE, proposed.time_zone)
    names = {unit.slug: unit for unit in proposed.units}
    for rule in proposed.entitlements:
        yield f"{rule.id}: {rule.title.in_language(LANGUAGE)} ({rule.origin})"
        sentences = entitlement_sentences(rule, names, localiser, proposed.withdrawn_from(rule.id))
        yield from (f"    {_as_plain(sentence)}" for sentence in sentences)
    titles = {rule.id: rule.title for rule in proposed.entitlements}
    for plan in proposed.local_plans:
        yield f"{plan.unit}: {_as_plain(local_plan_sentence(plan, localiser))}"
        yield from (f"    {_as_plain(sentence)}" for sentence in raise_sentences(plan, titles, localiser))
    for device_rule in proposed.device_rules:
        yield f"{device_rule.name}: {_as_plain(device_rule_sentence(device_rule, names, localiser))}"


def _as_plain(sentence: str) -> str:
    """A sentence of the page without the escapes of HTML and its spaces that do not break."""
    from markupsafe import Markup

    from fleetsync.expose.web.localiser import NO_BREAK

    return Markup(sentence).unescape().replace(NO_BREAK, " ")  # noqa: S704 - printed, not shown by a browser


@policy.command(help="What would coverage become under the policy in FILE?")
@FILE_ARGUMENT
@click.option(
    "--on",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="By the rules in force on that day, today or later.",
)
@click.pass_context
def diff(ctx: click.Context, file: Path, on: datetime | None) -> None:
    """Print per unit and rule what changes: owed and covered, people and devices gained and lost."""
    with open_application(ctx) as application:
        current = application.run_context.policy_now()
        proposed = read_proposed_policy(application.settings, file)
        today = application.run_context.moment().today
        day = on.date() if on is not None else today
        if day < today:
            raise CommandError(f"--on {day} is past: a policy is tried today or on a later day", EXIT_UNUSABLE)
        effects = sync.plan_policy(application.run_context, proposed, day)
    for line in _effect_lines(effects, day):
        click.echo(line)
    for pattern in untried_name_patterns(current, proposed):
        click.echo(
            f'fleetsync: which devices are named "{pattern}" is only known after a pull with this pattern in the '
            "configuration. Names are not stored, so this rule changes nothing here",
            err=True,
        )


def _effect_lines(effects: Iterable[UnitEffect], day: date) -> Iterator[str]:
    effects = tuple(effects)
    rules = f"by the rules in force on {day} and what is known today"
    if not effects:
        yield f"{rules}: no number of any unit would change"
        return
    units = len({effect.unit for effect in effects})
    yield f"{rules}: the numbers of {units} {'unit' if units == 1 else 'units'} would change"
    yield from map(_effect_text, effects)
    yield (
        f"in all: {sum(effect.people_gained for effect in effects)} people gained, "
        f"{sum(effect.people_lost for effect in effects)} lost; "
        f"{sum(effect.devices_gained for effect in effects)} devices gained, "
        f"{sum(effect.devices_lost for effect in effects)} lost"
    )


def _effect_text(effect: UnitEffect) -> str:
    return (
        f"{effect.unit}, {effect.entitlement}: {_numbers_text(effect.before)} → {_numbers_text(effect.after)}; "
        f"people +{effect.people_gained} −{effect.people_lost}, devices +{effect.devices_gained} −{effect.devices_lost}"
    )


def _numbers_text(numbers: CoverageDay | None) -> str:
    if numbers is None:
        return "no rule"
    uncertain = ((numbers.unknown, "unknown"), (numbers.undecided, "undecided"))
    further = "".join(f", {count} {name}" for count, name in uncertain if count)
    return f"{numbers.covered} of {numbers.entitled} covered{further}"


COMMANDS = {"policy": policy}
