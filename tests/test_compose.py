"""`compose.yaml`: what it mounts exists, its configurations are the shipped ones, and each is accepted by its program.

No container is started: that needs images, which come from registries. The file is also valid by the schema of the
Compose specification, which is not part of this repository.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleetsync.settings import load

ROOT = Path(__file__).parents[1]
SERVICES = ("fleetsync", "prometheus", "alertmanager", "grafana")
OF_THE_OPERATOR = {"./config.toml", "./secrets", "./deliveries", "./alertmanager.yml", "./grafana-password"}
RESTRICTIONS = {
    "restart": "unless-stopped",
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
}
DEFAULT = re.compile(r"\$\{\w+:-([^}]*)\}")


@pytest.fixture(scope="module")
def compose() -> Mapping[str, Any]:
    document: Mapping[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return document


def mounts_of(service: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The source and the target of each mount."""
    for mount in service["volumes"]:
        if isinstance(mount, str):
            source, target, *_ = mount.split(":")
            yield source, target
        else:
            yield mount["source"], mount["target"]


def test_the_four_services_run_without_privileges_and_are_reached_from_this_machine_alone(compose):
    assert tuple(compose["services"]) == SERVICES
    for service in compose["services"].values():
        assert {key: service[key] for key in RESTRICTIONS} == RESTRICTIONS
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_what_is_mounted_exists_or_is_named_as_the_operator_s_own(compose):
    sources = [source for service in compose["services"].values() for source, _ in mounts_of(service)]
    sources += [secret["file"] for secret in compose["secrets"].values()]
    paths = {source for source in sources if source.startswith(".")}

    assert {path for path in paths if not (ROOT / path).exists()} == OF_THE_OPERATOR
    assert {source for source in sources if not source.startswith(".")} == set(compose["volumes"])
    header = (ROOT / "compose.yaml").read_text(encoding="utf-8").partition("services:")[0]
    assert all(path.removeprefix("./") in header for path in OF_THE_OPERATOR)


def test_files_without_which_a_service_cannot_start_are_not_made_as_empty_folders(compose):
    long_mounts = [m for s in compose["services"].values() for m in s["volumes"] if isinstance(m, dict)]

    assert {m["source"] for m in long_mounts} == {"./config.toml", "./secrets", "./alertmanager.yml"}
    assert all(m["read_only"] and m["bind"] == {"create_host_path": False} for m in long_mounts)


def test_images_have_a_release_and_are_never_whatever_is_newest(compose):
    images = {name: service["image"] for name, service in compose["services"].items()}

    assert images.pop("fleetsync") == "fleetsync"
    assert all(re.fullmatch(r"[\w/]+:v?\d+\.\d+\.\d+", image) for image in images.values()), images
    assert compose["services"]["fleetsync"]["build"] == "."


def test_a_configuration_that_init_wrote_listens_inside_the_container_and_signs_people_in_outside_of_it(
    compose, tmp_path
):
    given = compose["services"]["fleetsync"]["environment"]
    environ = {name: DEFAULT.sub(r"\1", value) for name, value in given.items()}
    config = tmp_path / "config.toml"
    config.write_text('[municipality]\nname = "Exempelby kommun"\n', encoding="utf-8")

    web = load(config, environ=environ).web

    assert (web.address.host, web.address.port) == ("0.0.0.0", 8470)
    assert web.metrics_address is not None
    assert web.metrics_address.port == 9470
    assert web.public_url == "http://127.0.0.1:8470"
    assert web.trusted_proxies == 0


def test_prometheus_is_the_shipped_example_with_the_addresses_of_the_containers():
    example = yaml.safe_load((ROOT / "dashboards" / "prometheus.example.yml").read_text(encoding="utf-8"))
    example["global"]["external_labels"]["fleetsync_page"] = "http://127.0.0.1:8470"
    example["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = ["alertmanager:9093"]
    example["scrape_configs"][0]["static_configs"][0]["targets"] = ["fleetsync:9470"]

    assert yaml.safe_load((ROOT / "compose" / "prometheus.yml").read_text(encoding="utf-8")) == example


def test_grafana_s_data_source_is_the_shipped_one_with_the_address_of_the_container():
    shipped = ROOT / "dashboards" / "provisioning" / "datasources" / "fleetsync.yml"
    source = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    source["datasources"][0]["url"] = "http://prometheus:9090"

    assert yaml.safe_load((ROOT / "compose" / "grafana-datasource.yml").read_text(encoding="utf-8")) == source


def test_grafana_finds_its_dashboards_where_its_provider_looks(compose):
    provider = yaml.safe_load(
        (ROOT / "dashboards" / "provisioning" / "dashboards" / "fleetsync.yml").read_text(encoding="utf-8")
    )
    (looked_at,) = provider["providers"]

    assert ("./dashboards", looked_at["options"]["path"]) in mounts_of(compose["services"]["grafana"])
    assert list((ROOT / "dashboards").glob("*.json"))


@pytest.mark.part("prometheus")
def test_prometheus_accepts_its_configuration_with_the_rules_where_they_are_mounted(compose, tmp_path):
    for source, target in mounts_of(compose["services"]["prometheus"]):
        if source.startswith("."):
            there = tmp_path / target.removeprefix("/")
            there.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if (ROOT / source).is_dir() else shutil.copy)(ROOT / source, there)
    config = tmp_path / "etc" / "prometheus" / "prometheus.yml"

    done = subprocess.run(["promtool", "check", "config", str(config)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 rule files found" in done.stdout
    assert f"--config.file=/{config.relative_to(tmp_path)}" in compose["services"]["prometheus"]["command"]


def test_the_image_is_built_from_files_that_exist_and_reach_the_build():
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
    allowed = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
        if line[0] == "!"
    }

    files = {name for line in copied for name in line.split()}
    assert files == allowed
    assert all((ROOT / name).exists() for name in files)
    stages = re.findall(r"^FROM \S+ AS (\w+)$", dockerfile, re.MULTILINE)
    assert set(re.findall(r"--from=(\w+)", dockerfile)) == set(stages)
