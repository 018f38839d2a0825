"""Runs once, while the image is built: makes all that a broker's start can be spared.

The formatted log folder (`formatted/`), the options of its JVM (`java.args`), and an archive of the classes
that a small job loads (`classes.jsa`, JEP 350), which halves the time to the first answer.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

HOME = Path("/opt/kafka")
CLUSTER = "BigHostKafkaPodOfOneAg"  # any 16 bytes in base64 that don't start with a dash
PROPERTIES = HOME / "server.properties"
FORMATTED = HOME / "formatted"
DATA = Path("/var/lib/kafka/data")
ARCHIVE = HOME / "classes.jsa"
BOOTSTRAP = {"bootstrap.servers": "127.0.0.1:9092"}
FLAGS = (
    "-Xms64m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
    f"-Djdk.net.hosts.file={HOME / 'hosts'}",  # without a network, asking for our own name only takes time
)
READY_S = 60.0


def main() -> None:
    """Make all three."""
    jars = ":".join(str(path) for path in sorted((HOME / "jars").glob("*.jar")))
    (HOME / "java.args").write_text("\n".join([*FLAGS, "-cp", jars, ""]))
    (HOME / "hosts").write_text("127.0.0.1 localhost pod\n")
    layout = HOME / "format.properties"
    layout.write_text(PROPERTIES.read_text().replace(str(DATA), str(FORMATTED)))
    tool = ["kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER, "--config", str(layout)]
    subprocess.run([*command(), *tool], check=True)
    layout.unlink()
    shutil.copytree(FORMATTED, DATA)
    broker = subprocess.Popen(
        [*command(f"-XX:ArchiveClassesAtExit={ARCHIVE}"), "kafka.Kafka", str(PROPERTIES)]
    )
    try:
        small_job()
    finally:
        broker.terminate()
        broker.wait(READY_S)
    ARCHIVE.chmod(0o644)
    shutil.rmtree(DATA)


def command(*flags: str) -> list[str]:
    """A JVM with our options."""
    return ["/usr/bin/java", f"@{HOME / 'java.args'}", *flags]


def small_job() -> None:
    """What a submission does: make a topic, write to it, read it as a group."""
    admin = AdminClient(BOOTSTRAP)
    admin.list_topics(timeout=READY_S)
    admin.create_topics([NewTopic("warm", 2, 1)])["warm"].result(READY_S)
    producer = Producer(BOOTSTRAP)
    for number in range(1000):
        producer.produce("warm", key=str(number % 10), value=str(number))
    producer.flush(READY_S)
    consumer = Consumer({**BOOTSTRAP, "group.id": "warm", "auto.offset.reset": "earliest"})
    consumer.subscribe(["warm"])
    seen = 0
    while seen < 1000:
        seen += len(consumer.consume(500, timeout=1.0))
    consumer.close()
    admin.delete_topics(["warm"])["warm"].result(READY_S)


main()
