"""The configuration of Exempelby is valid, and each of its systems has a stub."""

import stat
import tomllib
from collections import Counter

import pytest

from fleetsync.demo.configuration import StubAddresses, write_configuration
from fleetsync.demo.days import DEMO_DAY
from fleetsync.demo.systems import StubSystems
from fleetsync.demo.units import DEMO_UNITS, PRESCHOOL_UNITS, SCHOOL_UNITS
from fleetsync.pull.registry import build_sources
from fleetsync.settings import load

GRAPH, JAMF_PRO, JAMF_SCHOOL = "http://127.0.0.1:1", "http://127.0.0.1:3/api", "http://127.0.0.1:4/api"
GOOGLE = ("http://127.0.0.1:5", "{}")
APPLE = ("http://127.0.0.1:6", "http://127.0.0.1:6/auth/oauth2/token", "")
REGISTER = ("http://127.0.0.1:2/v2.0", "http://127.0.0.1:2/token")
ONEROSTER = ("http://127.0.0.1:7/ims/oneroster/rostering/v1p2", "http://127.0.0.1:7/oauth/token")


def test_the_configuration_is_valid_and_names_every_source(tmp_path):
    settings = load(write_configuration(tmp_path, StubAddresses(GRAPH, entra=GRAPH, jamf_pro=JAMF_PRO)), environ={})

    assert [source.name for source in build_sources(settings)] == ["intune", "personal", "datorer", "entra", "jamf-pro"]
    assert [unit.slug for unit in settings.units] == [unit.slug for unit in DEMO_UNITS]
    assert settings.warnings == ()


def test_with_schools_it_names_the_register_the_workshop_and_the_tablets(tmp_path):
    addresses = StubAddresses(
        GRAPH,
        entra=GRAPH,
        register=REGISTER,
        oneroster=ONEROSTER,
        jamf_pro=JAMF_PRO,
        jamf_school=JAMF_SCHOOL,
        google=GOOGLE,
        apple=APPLE,
    )
    file = write_configuration(tmp_path, addresses)
    configuration = tomllib.loads(file.read_text(encoding="utf-8"))

    assert [source["name"] for source in configuration["source"]] == [
        "intune",
        "personal",
        "datorer",
        "skolregister",
        "verkstad",
        "ekonomi",
        "skolplattform",
        "barnlista",
        "antal",
        "entra",
        "jamf-pro",
        "jamf-school",
        "google",
        "apple",
        "apple-care",
    ]
    assert load(file, environ={}).policy.device_rules[0].groups == ("1A", "1B", "1C")


def test_the_units_are_shared_between_the_rosters_and_each_counts_at_its_own(tmp_path):
    addresses = StubAddresses(GRAPH, register=REGISTER, oneroster=ONEROSTER)
    configuration = tomllib.loads(write_configuration(tmp_path, addresses).read_text(encoding="utf-8"))
    counted_at = Counter(unit for source in configuration["source"] for unit in source.get("counts_at", ()))

    assert counted_at == Counter(unit.slug for unit in (*SCHOOL_UNITS, *PRESCHOOL_UNITS))


def test_the_same_seed_gives_the_same_key_and_another_another(tmp_path):
    keys = {
        load(write_configuration(tmp_path / str(number), StubAddresses(GRAPH), seed), environ={}).privacy_key()
        for number, seed in enumerate((1, 1, 2))
    }

    assert len(keys) == 2


def test_only_the_owner_may_read_the_secrets(tmp_path):
    write_configuration(tmp_path, StubAddresses(GRAPH))

    for file in (*(tmp_path / "secrets").iterdir(), *(tmp_path / "keys").iterdir()):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("staff_only", ["graph", "jamf-pro"]),
        ("whole", ["graph", "jamf-pro", "ss12000", "oneroster", "jamf-school", "google-admin", "apple"]),
    ],
)
def test_each_system_has_a_stub(kind, names, request):
    world = request.getfixturevalue(kind)
    systems = StubSystems(world, lambda: DEMO_DAY)

    assert [server.name for server in systems.all()] == names
    assert (systems.addresses().register is None) == (kind == "staff_only")
    for server in systems.all():
        server.stop()
