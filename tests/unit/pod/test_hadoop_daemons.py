"""The daemons inside a pod are told where they live, and a pod without them says what it lacks."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from bighost.pod.hadoop.daemons import HOST, NAME_NODE, Daemons, as_xml, client_settings, site_files
from bighost.pod.sandbox import Fault
from bighost.pod.workdir import Workdir


def test_settings_survive_the_way_through_xml() -> None:
    settings = {"a.b": "1 < 2 & 3 > 2", "path": "/x:/y/*"}
    found = ElementTree.fromstring(as_xml(settings)).iter("property")
    assert {each.findtext("name"): each.findtext("value") for each in found} == settings


def test_every_address_is_on_the_pods_own_loopback(tmp_path: Path) -> None:
    settings = [pair for file in site_files(tmp_path, "jars/*").values() for pair in file.items()]
    addresses = [value for name, value in settings if name.endswith(("address", "hostname"))]
    assert len(addresses) == 11
    assert all(value.partition(":")[0] == HOST for value in addresses)


def test_what_daemons_keep_lies_in_their_folder(tmp_path: Path) -> None:
    files = site_files(tmp_path, "jars/*")
    kept = [files["core-site.xml"]["hadoop.tmp.dir"]]
    kept += [files["yarn-site.xml"][f"yarn.nodemanager.{kind}-dirs"] for kind in ("local", "log")]
    assert all(Path(path).is_relative_to(tmp_path) for path in kept)


def test_jobs_and_daemons_speak_of_the_same_name_node(tmp_path: Path) -> None:
    assert client_settings("jars/*", tmp_path / "hosts")["fs.defaultFS"] == NAME_NODE
    assert site_files(tmp_path, "jars/*")["core-site.xml"]["fs.defaultFS"] == NAME_NODE


def test_a_name_node_that_can_not_be_formatted_is_our_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'ERROR no room' && exit 1\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    folder = tmp_path / "daemons"
    with pytest.raises(Fault, match="ERROR no room"):
        Daemons(tmp_path, folder).start()


def test_a_wiped_work_folder_keeps_what_daemons_hold(tmp_path: Path) -> None:
    workdir = Workdir(tmp_path / "work", None)
    (workdir.daemons / "tmp").mkdir()
    (workdir.daemons / "tmp" / "block").write_text("data")
    (workdir.spill / "left").write_text("data")
    workdir.wipe()
    assert (workdir.daemons / "tmp" / "block").exists()
    assert list(workdir.spill.iterdir()) == []
    assert workdir.leftovers() is None
