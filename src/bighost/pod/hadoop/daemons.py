"""HDFS and YARN inside a pod, as processes of their own: started once, ready when they say so, then used.

Their ports are those of Hadoop's documentation, on the pod's own loopback; a pod with these daemons can't
share its network with another one.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from bighost.pod.sandbox import Fault

READY_S = 120.0
LOOK_S = 0.25
END_S = 5.0
HOST = "127.0.0.1"
NAME_NODE = f"hdfs://{HOST}:9820"
NODES = (8088, "/ws/v1/cluster/nodes")
FILES = (9870, "/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState")
HISTORY = (19888, "/ws/v1/history/info")
ASK_S = 2.0
FORMAT_S = 60.0


class Daemon(NamedTuple):
    """One process: what its log is called, its heap, and its main class."""

    name: str
    heap_mib: int
    main: str


DAEMONS = (
    Daemon("namenode", 128, "org.apache.hadoop.hdfs.server.namenode.NameNode"),
    Daemon("datanode", 128, "org.apache.hadoop.hdfs.server.datanode.DataNode"),
    Daemon("resourcemanager", 192, "org.apache.hadoop.yarn.server.resourcemanager.ResourceManager"),
    Daemon("nodemanager", 128, "org.apache.hadoop.yarn.server.nodemanager.NodeManager"),
    Daemon("historyserver", 128, "org.apache.hadoop.mapreduce.v2.hs.JobHistoryServer"),
)


class Daemons:
    """The five of them. `home`: where their jars lie; `folder`: theirs alone, while the pod lives."""

    def __init__(self, home: Path, folder: Path) -> None:
        self._home = home
        self._folder = folder
        self._hosts = folder / "hosts"
        self._processes: dict[Daemon, subprocess.Popen[bytes]] = {}

    @property
    def scratch(self) -> Path:
        """Where what lies between maps and reduces is kept."""
        return self._folder / "nodemanager" / "usercache"

    def start(self) -> None:
        """Start them, and wait until each is ready for a job. Raises Fault."""
        self._configure()
        formatted = self._run(Daemon("format", 128, DAEMONS[0].main), "-format", "-force", "-nonInteractive")
        try:
            failed = formatted.wait(FORMAT_S) != 0
        except subprocess.TimeoutExpired:
            formatted.kill()
            failed = True
        if failed:
            raise Fault(f"HDFS can't be formatted: {self._log('format')}")
        for daemon in DAEMONS:
            self._processes[daemon] = self._run(daemon)
        self._wait()

    def settings(self) -> dict[str, str]:
        """What a job is told that shall run here."""
        return client_settings(self._class_path(), self._hosts)

    def stop(self) -> None:
        """End them."""
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.wait(END_S)

    def is_alive(self) -> bool:
        """Whether all of them live."""
        return all(process.poll() is None for process in self._processes.values())

    def _class_path(self) -> str:
        program = self._home.parent / "jars" / "program.jar"  # the file system of ours
        return f"{self._folder / 'conf'}:{self._home / 'jars'}/*:{program}"

    def _configure(self) -> None:
        for name, settings in site_files(self._folder, self._class_path()).items():
            path = self._folder / "conf" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(as_xml(settings))
        for web in ("hdfs", "datanode"):  # they refuse to start without pages, which the jars lack
            path = self._folder / "webapps" / web / "WEB-INF" / "web.xml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("<web-app/>")
        (self._folder / "logs").mkdir(exist_ok=True)
        self._hosts.write_text(f"{HOST} localhost {socket.gethostname()}\n")  # nobody else can be asked

    def _run(self, daemon: Daemon, *arguments: str) -> subprocess.Popen[bytes]:
        options = [
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
            f"-Xmx{daemon.heap_mib}m",
        ]
        opens = ["--add-opens", "java.base/java.lang=ALL-UNNAMED", f"-Djdk.net.hosts.file={self._hosts}"]
        class_path = ["-cp", f"{self._folder}:{self._class_path()}"]
        with (self._folder / "logs" / daemon.name).open("wb") as log:
            return subprocess.Popen(
                ["java", *options, *opens, *class_path, daemon.main, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env={**os.environ, "HADOOP_CONF_DIR": str(self._folder / "conf")},
            )

    def _wait(self) -> None:
        deadline = time.monotonic() + READY_S
        while not _ready():
            for daemon, process in self._processes.items():
                if process.poll() is not None:
                    raise Fault(f"the {daemon.name} ended: {self._log(daemon.name)}")
            if time.monotonic() > deadline:
                raise Fault(f"HDFS and YARN are not ready after {READY_S:g} s")
            time.sleep(LOOK_S)

    def _log(self, name: str) -> str:
        said = (self._folder / "logs" / name).read_text(errors="replace").splitlines()
        return next((line for line in said if "ERROR" in line), " ".join(said[-1:]))


def site_files(folder: Path, class_path: str) -> dict[str, dict[str, str]]:
    """The daemons' own settings, by the name of their file."""
    return {
        "core-site.xml": {"fs.defaultFS": NAME_NODE, "hadoop.tmp.dir": str(folder / "tmp")},
        "hdfs-site.xml": {
            "dfs.replication": "1",
            "dfs.permissions.enabled": "false",  # student code knows nobody there
            "dfs.namenode.fs-limits.min-block-size": "512",  # a split is a block
            "dfs.namenode.http-address": f"{HOST}:9870",
            "dfs.namenode.safemode.extension": "0",
            "dfs.namenode.resource.du.reserved": "0",
            "dfs.datanode.round-robin-volume-choosing-policy.additional-available-space": "0",  # else 1 GB
            "dfs.datanode.address": f"{HOST}:9866",
            "dfs.datanode.http.address": f"{HOST}:9864",
            "dfs.datanode.ipc.address": f"{HOST}:9867",
        },
        "yarn-site.xml": {
            "yarn.resourcemanager.hostname": HOST,
            "yarn.resourcemanager.scheduler.class": (
                "org.apache.hadoop.yarn.server.resourcemanager.scheduler.fifo.FifoScheduler"
            ),
            "yarn.resourcemanager.am.max-attempts": "1",
            "yarn.resourcemanager.nodemanagers.heartbeat-interval-ms": "100",
            "yarn.scheduler.minimum-allocation-mb": "128",
            "yarn.nodemanager.hostname": HOST,
            "yarn.nodemanager.address": f"{HOST}:8041",
            "yarn.nodemanager.localizer.address": f"{HOST}:8040",
            "yarn.nodemanager.webapp.address": f"{HOST}:8042",
            "yarn.nodemanager.aux-services": "mapreduce_shuffle",
            "yarn.nodemanager.local-dirs": str(folder / "nodemanager"),
            "yarn.nodemanager.log-dirs": str(folder / "logs" / "containers"),
            "yarn.nodemanager.resource.memory-mb": "4096",  # the pod's own limits hold
            "yarn.nodemanager.resource.cpu-vcores": "16",
            "yarn.nodemanager.vmem-check-enabled": "false",
            "yarn.nodemanager.pmem-check-enabled": "false",
            "yarn.nodemanager.disk-health-checker.enable": "false",
            "yarn.nodemanager.env-whitelist": "JAVA_HOME,PATH,HADOOP_CONF_DIR",
            "yarn.application.classpath": class_path,
        },
        "mapred-site.xml": {
            "mapreduce.framework.name": "yarn",
            "mapreduce.jobhistory.address": f"{HOST}:10020",
            "mapreduce.jobhistory.webapp.address": f"{HOST}:19888",
            "mapreduce.application.classpath": class_path,
        },
    }


def client_settings(class_path: str, hosts: Path) -> dict[str, str]:
    """What a job is told: where the daemons are, one attempt a task, one container if the job is small."""
    small = f"-Djdk.net.hosts.file={hosts} -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData"
    return {
        "mapreduce.framework.name": "yarn",
        "fs.defaultFS": NAME_NODE,
        "fs.hdfs.impl.disable.cache": "true",  # a cached one keeps the block size of the first job
        "yarn.resourcemanager.hostname": HOST,
        "mapreduce.jobhistory.address": f"{HOST}:10020",
        "mapreduce.application.classpath": class_path,
        "yarn.application.classpath": class_path,
        "yarn.app.mapreduce.am.staging-dir": "/staging",
        "yarn.app.mapreduce.am.scheduler.heartbeat.interval-ms": "100",
        "yarn.app.mapreduce.am.resource.mb": "512",
        "yarn.app.mapreduce.am.command-opts": f"-Xmx320m {small}",
        "mapreduce.job.ubertask.enable": "true",
        "mapreduce.job.ubertask.maxbytes": str(64 << 20),
        "mapreduce.map.memory.mb": "256",
        "mapreduce.reduce.memory.mb": "256",
        "mapred.child.java.opts": f"-Xmx192m {small}",
        "mapreduce.map.maxattempts": "1",
        "mapreduce.reduce.maxattempts": "1",
        "mapreduce.am.max-attempts": "1",
        "mapreduce.client.completion.pollinterval": "100",
    }


def as_xml(settings: Mapping[str, str]) -> str:
    """Settings in the form of Hadoop's `*-site.xml`."""
    rows = (
        f"<property><name>{escape(name)}</name><value>{escape(value)}</value></property>\n"
        for name, value in settings.items()
    )
    return f"<configuration>\n{''.join(rows)}</configuration>\n"


def _ready() -> bool:
    """A live data node out of safe mode, a running node manager, and a history to ask."""
    try:
        (state,) = _ask(*FILES)["beans"]
        nodes = (_ask(*NODES)["nodes"] or {}).get("node", [])
        _ask(*HISTORY)
    except (OSError, http.client.HTTPException, ValueError, KeyError):  # not yet, or not yet whole
        return False
    alive = state["NumLiveDataNodes"] > 0 and state["FSState"] == "Operational"
    return alive and any(node["state"] == "RUNNING" for node in nodes)


def _ask(port: int, path: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection(HOST, port, timeout=ASK_S)
    try:
        connection.request("GET", path)
        found: dict[str, Any] = json.loads(connection.getresponse().read())
        return found
    finally:
        connection.close()
