"""Settings come from flag, environment, file, profile, default, in that order; whoever is wrong is named."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bighost import config
from bighost.errors import OperatorError
from bighost.job.assignment import Reuse
from bighost.settings import (
    GIB,
    PROFILES,
    CoordinatorSettings,
    NodeSettings,
    RuntimeKind,
    derive,
    for_profile,
)
from bighost.wire.messages import CreditTerms, Profile


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    for name in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    for name in list(os.environ):
        if name.startswith("BIGHOST_"):
            monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "config.toml"


# -- the order of sources


def test_a_flag_goes_before_the_environment_before_the_file_before_the_profile_before_the_default(file):
    file.write_text("[node]\nbatch = 31\nslots = 3\nspare_pods = 4\n")
    environ = {"BIGHOST_NODE_BATCH": "21", "BIGHOST_NODE_SLOTS": "2"}
    found = config.resolve_node({"profile": Profile.CORE, "batch": 11, "slots": None}, file, environ)
    settings, origins = found.settings, found.origins
    assert (settings.batch, origins["batch"]) == (11, "--batch")
    assert (settings.slots, origins["slots"]) == (2, "BIGHOST_NODE_SLOTS")
    assert (settings.spare_pods, origins["spare_pods"]) == (4, f"{file}, line 4")
    assert (settings.window_per_slot, origins["window_per_slot"]) == (4.0, "profile core")
    assert (settings.sys_timeout_s, origins["sys_timeout_s"]) == (1.0, "default")


@pytest.mark.parametrize("profile", Profile)
def test_every_value_of_a_profile_can_be_overridden(profile):
    other = next(p for p in Profile if p is not profile)
    environ = {f"BIGHOST_NODE_{key.upper()}": str(value) for key, value in PROFILES[other].items()}
    settings = config.resolve_node({"profile": profile}, None, environ).settings
    assert {key: getattr(settings, key) for key in PROFILES[other]} == PROFILES[other]


def test_the_file_in_its_usual_place_is_read(home):
    place = home / "config" / "bighost" / "config.toml"
    place.parent.mkdir(parents=True)
    place.write_text('[coordinator]\nhost = "0.0.0.0"\n')
    assert config.coordinator_settings({}).host == "0.0.0.0"


def test_units_are_read_wherever_a_value_comes_from(file):
    file.write_text('[node]\ndataset_cache = "2GiB"\nlog_timeout = 5\n')
    settings = config.resolve_node({}, file, {"BIGHOST_NODE_SYS_TIMEOUT": "500ms"}).settings
    assert (settings.dataset_cache_bytes, settings.log_timeout_s, settings.sys_timeout_s) == (2 * GIB, 5, 0.5)


def test_words_become_what_they_stand_for():
    environ = {
        "BIGHOST_NODE_RUNTIME": "process",
        "BIGHOST_NODE_REUSE": "never",
        "BIGHOST_NODE_PINNED": "false",
        "BIGHOST_NODE_DATA": "~/node",
    }
    settings = config.resolve_node({"profile": "core"}, None, environ).settings
    assert settings.runtime is RuntimeKind.PROCESS
    assert settings.reuse is Reuse.NEVER
    assert settings.pinned is False
    assert settings.data == Path.home() / "node"


def test_data_folders_have_places_of_their_own(home):
    assert config.coordinator_settings({}).data == home / "data" / "bighost" / "coordinator"
    assert config.node_settings({"name": "ann"}).data == home / "data" / "bighost" / "nodes" / "ann"


def test_the_nodes_port_is_the_one_above_unless_it_is_set():
    assert config.coordinator_settings({}).node_port == 9001
    assert config.coordinator_settings({"port": 0}).node_port == 0
    assert config.coordinator_settings({"port": 80, "node_port": 90}).node_port == 90


# -- complaints


@pytest.mark.parametrize(
    ("text", "complaint", "hint"),
    [
        ("[node]\n\nwindwo = 3\n", "line 3: [node] has no key 'windwo'", "Perhaps you meant 'window'?"),
        ("# notes\n[nod]\nslots = 3\n", "line 2: there is no table 'nod'", "Perhaps you meant 'node'?"),
        ("slots = 3\n", "line 1: there is no table 'slots'", "[node]"),
        ("[node]\nslots = 0\n", "line 2: slots can't be 0: Expected `int` >= 1", "at the same time"),
        ('[node]\nslots = "many"\n', "line 2: slots can't be 'many'", "at the same time"),
        ('[node]\ndataset_cache = "big"\n', "'big' is not a size", "least recently used"),
        ('[node]\nsys_timeout = "soon"\n', "'soon' is not a duration", "recorded this often"),
        ('[node]\nprofile = "corr"\n', "line 2: profile can't be 'corr'", "lightweight"),
        ("[node]\nslots =\n", "is no TOML", ""),
        ("[node]\nwindow = 2\nlow_water = 2\n", "low_water (2) must be below window (2)", "line 2"),
        ('[node]\nname = "my node"\n', "name 'my node'", "line 2"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_its_line(file, text, complaint, hint):
    file.write_text(text)
    with pytest.raises(OperatorError) as raised:
        config.resolve_node({}, file, {})
    assert complaint in raised.value.message
    assert hint in raised.value.hint


def test_a_file_that_was_asked_for_must_be_there(file):
    with pytest.raises(OperatorError, match="there is no configuration file"):
        config.node_settings({}, file)


def test_what_is_wrong_in_the_environment_is_named():
    with pytest.raises(OperatorError, match="BIGHOST_COORDINATOR_LEASE: lease can't be 'x'"):
        config.resolve_coordinator({}, None, {"BIGHOST_COORDINATOR_LEASE": "x"})


def test_a_misspelt_variable_is_told_and_those_of_other_programs_are_left_alone():
    with pytest.raises(OperatorError) as raised:
        config.resolve_node({}, None, {"BIGHOST_NODE_WINDOWS": "3"})
    assert raised.value.hint == "Perhaps you meant 'WINDOW'?"
    config.resolve_coordinator({}, None, {"BIGHOST_COORDINATOR_7F0A_TCP_ADDR": "10.0.0.1"})


def test_a_heartbeat_must_fit_into_the_lease_twice():
    with pytest.raises(OperatorError, match="at least twice the heartbeat"):
        config.coordinator_settings({"lease_s": 5.0})


# -- the template


def test_the_template_changes_nothing(file):
    config.write_template(file)
    assert config.resolve_node({"name": "n"}, file, {}).settings == config.node_settings({"name": "n"})
    assert config.resolve_coordinator({}, file, {}).settings == config.coordinator_settings({})
    with pytest.raises(OperatorError, match="there already"):
        config.write_template(file)


def test_the_template_with_its_marks_taken_away_says_the_defaults(file):
    lines = [line for line in config.template().splitlines() if line and not line.startswith("# ")]
    file.write_text("\n".join(line.removeprefix("#") for line in lines if not line.endswith("=")))
    assert set(tomllib.loads(file.read_text())) == {"node", "coordinator", "client"}
    assert config.resolve_coordinator({}, file, {}).settings == config.coordinator_settings({})
    assert config.resolve_node({"name": "n"}, file, {}).settings.dataset_cache_bytes == 8 * GIB
    assert "#slots =" in lines


# -- what a machine offers


def offer(profile: Profile, cores: int, memory: int, **values: object):
    settings = for_profile(profile, data=Path("d"), name="n", **values)
    return derive(settings, cores, memory, ("streaming",))


def test_a_core_node_asks_for_more_than_a_lightweight_one():
    core, light = (offer(profile, 8, 32 * GIB) for profile in (Profile.CORE, Profile.LIGHTWEIGHT))
    assert core.credit == CreditTerms(window=28, low_water=14, batch=8)
    assert light.credit == CreditTerms(window=8, low_water=4, batch=2)
    assert (core.capacity.slots, light.capacity.slots) == (7, 4)


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("cores", [1, 2, 3, 4, 16, 96])
def test_any_machine_offers_something_that_makes_sense(profile, cores):
    found = offer(profile, cores, cores * GIB)
    assert 1 <= found.capacity.slots <= found.cores <= cores
    assert 1 <= found.capacity.cpus <= found.cores
    assert 0 < found.capacity.memory_bytes <= found.memory_bytes <= cores * GIB
    if profile is Profile.LIGHTWEIGHT and cores > 1:
        assert found.cores <= cores / 2
        assert found.memory_bytes <= cores * GIB / 2


def test_memory_bounds_the_slots_where_it_is_scarce():
    assert offer(Profile.LIGHTWEIGHT, 16, 2 * GIB).capacity.slots == 2


def test_what_is_set_goes_before_what_is_derived():
    found = offer(Profile.CORE, 8, 8 * GIB, slots=3, window=5, cpus_per_job=2, memory_per_job_bytes=GIB)
    assert (found.capacity.slots, found.capacity.cpus, found.capacity.memory_bytes) == (3, 2, GIB)
    assert found.credit == CreditTerms(window=5, low_water=4, batch=8)


def test_a_low_water_alone_lifts_the_window():
    assert offer(Profile.LIGHTWEIGHT, 2, GIB, low_water=9).credit == CreditTerms(10, 9, 2)


def test_settings_built_by_hand_are_checked_too(tmp_path):
    with pytest.raises(ValueError, match="below window"):
        NodeSettings(data=tmp_path, name="n", window=1, low_water=1)
    with pytest.raises(ValueError, match="twice"):
        CoordinatorSettings(data=tmp_path, heartbeat_s=10)


# -- whom commands talk to


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_without_any_coordinator_the_person_is_told_what_to_do():
    with pytest.raises(OperatorError, match="no coordinator is known") as raised:
        config.credentials()
    assert "bighost coordinator up" in raised.value.hint


def test_the_coordinator_on_this_machine_is_found_until_it_stops():
    with config.local_coordinator() as here:
        path = here.announce("http://127.0.0.1:9000", "admin")
        found = config.credentials()
        assert (found.url, found.token) == ("http://127.0.0.1:9000", "admin")
        assert mode(path) == 0o600
    with pytest.raises(OperatorError):
        config.credentials()


def test_a_note_whose_coordinator_is_dead_is_ignored():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        config.write_local_coordinator("http://here", "admin", process.pid)
        assert config.credentials().url == "http://here"
        assert process.stdin is not None
        process.stdin.close()
    with pytest.raises(OperatorError):
        config.credentials()


def test_a_coordinator_takes_only_its_own_note_away():
    path = config.write_local_coordinator("http://here", "admin", os.getpid())
    config.remove_local_coordinator(os.getpid() + 1)
    assert path.exists()
    config.remove_local_coordinator(os.getpid())
    assert not path.exists()


def test_a_login_goes_before_the_coordinator_on_this_machine():
    with config.local_coordinator() as here:
        here.announce("http://here", "admin")
        path = config.save_login("http://there:9000/", "mine")
        assert mode(path) == 0o600
        found = config.credentials()
        assert (found.url, found.token) == ("http://there:9000", "mine")


def test_what_is_given_goes_first_and_no_token_goes_to_a_stranger(monkeypatch):
    config.save_login("http://there", "mine")
    assert config.credentials("http://there").token == "mine"
    assert config.credentials(token="other").token == "other"
    found = config.credentials("http://elsewhere", "other")
    assert (found.url, found.token) == ("http://elsewhere", "other")
    with pytest.raises(OperatorError, match="no token is known for http://elsewhere"):
        config.credentials("http://elsewhere")
    monkeypatch.setenv("BIGHOST_URL", "http://elsewhere/")
    monkeypatch.setenv("BIGHOST_TOKEN", "from the environment")
    assert config.credentials().token == "from the environment"


def test_the_file_may_name_coordinator_and_token(file):
    file.write_text('[client]\nurl = "http://there"\ntoken = "mine"\n')
    found = config.credentials(config=file)
    assert (found.url, found.token) == ("http://there", "mine")
    with pytest.raises(OperatorError, match="no token"):
        config.credentials("http://elsewhere", config=file)


def test_a_damaged_note_is_named():
    path = config.save_login("http://there", "mine")
    path.write_text("{")
    with pytest.raises(OperatorError, match=r"login\.json is damaged"):
        config.credentials()
