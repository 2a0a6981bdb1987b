"""A policy in a file of its own, laid over the configuration: to be tried before it counts.

The file holds the tables of a policy as config.toml has them. A table that it has replaces all of that table in the
configuration; everything else stays. Nothing is stored.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from fleetsync.core.model import Policy
from fleetsync.settings.errors import SettingsError, did_you_mean
from fleetsync.settings.layers import Layer, read_toml, section_heading
from fleetsync.settings.loading import Settings, validated_tables
from fleetsync.settings.policy import policy_of

POLICY_SECTIONS = ("entitlement", "local_plan", "device_rule", "unit_map", "unit", "staleness", "identity")


def read_proposed_policy(settings: Settings, file: Path) -> Policy:
    """The policy of *settings* with the tables of *file* in place of its own. Raises SettingsError."""
    values = read_toml(file)
    refused = list(_refused_sections(values, file))
    if refused:
        raise SettingsError("\n".join(refused))
    layers = replace(settings.layers, path=file, layers=(Layer(file.name, values, file=file), *settings.layers.layers))
    return policy_of(validated_tables(layers))


def untried_name_patterns(current: Policy, proposed: Policy) -> tuple[str, ...]:
    """Patterns of device names in *proposed* that *current* lacks. Which devices they match, only a pull can tell.

    Names are not stored: a pull keeps which patterns of the policy in force a name matches.
    """
    return tuple(sorted(set(_name_patterns(proposed)) - set(_name_patterns(current))))


def _name_patterns(policy: Policy) -> Iterator[str]:
    yield from (rule.when["name"] for rule in policy.device_rules if "name" in rule.when)
    yield from (line.pattern for line in policy.unit_maps if line.field == "name")


def _refused_sections(values: Iterable[str], file: Path) -> Iterator[str]:
    for section in values:
        if section not in POLICY_SECTIONS:
            hint = did_you_mean(section, POLICY_SECTIONS, section_heading)
            yield f"{file.name}: {section_heading(section)} is no part of a policy.{hint}"
