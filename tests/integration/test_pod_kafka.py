"""Producers and consumers on a real broker: what comes out, and what is said of each way to fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kafka_pod import CONSUMER, MIB, PRODUCER, KafkaPod, kafka_pod, order_of

from bighost.node import images
from bighost.pod.contract import Outcome, RunOrder, RunReport, StageReport, from_dict

pytestmark = [pytest.mark.docker, pytest.mark.bigdata("kafka")]

TRADES = [f"{n},{'ABCDEFGH'[n % 8]}X,{100 + n}" for n in range(600)]
ALL_CHECKS = ["complete", "keyed", "partitioned", "ordered", "distinct", "consumed"]

KAFKA_PYTHON = {
    "producer": """\
import sys
from kafka import KafkaProducer
producer = KafkaProducer(bootstrap_servers=sys.argv[1])
for line in sys.stdin:
    producer.send(sys.argv[2], key=line.split(",")[1].encode(), value=line.strip().encode())
producer.flush()
""",
    "consumer": """\
import os
from kafka import KafkaConsumer
consumer = KafkaConsumer(
    os.environ["KAFKA_TOPIC"],
    bootstrap_servers=os.environ["KAFKA_BOOTSTRAP"],
    group_id=os.environ["KAFKA_GROUP"],
    value_deserializer=bytes.decode,
)
ended = set()
for message in consumer:
    if message.value == os.environ.get("KAFKA_END"):
        ended.add(message.partition)
        if {place.partition for place in consumer.assignment()} <= ended:
            break
    else:
        print(message.value)
consumer.close()
""",
}
AIOKAFKA = {
    "producer": """\
import asyncio, sys
from aiokafka import AIOKafkaProducer
async def main():
    async with AIOKafkaProducer(bootstrap_servers=sys.argv[1]) as producer:
        for line in sys.stdin:
            await producer.send(sys.argv[2], line.strip().encode(), key=line.split(",")[1].encode())
asyncio.run(main())
""",
    "consumer": """\
import asyncio, os, sys
from aiokafka import AIOKafkaConsumer
async def main():
    ended = set()
    consumer = AIOKafkaConsumer(sys.argv[2], bootstrap_servers=sys.argv[1], group_id=sys.argv[3])
    async with consumer:
        async for message in consumer:
            if message.value.decode() == os.environ["KAFKA_END"]:
                ended.add(message.partition)
                if {place.partition for place in consumer.assignment()} <= ended:
                    break
            else:
                print(message.value.decode())
asyncio.run(main())
""",
}
READ_FOR_EVER = """\
import sys
from kafka import KafkaConsumer
consumer = KafkaConsumer(sys.argv[2], bootstrap_servers=sys.argv[1], group_id=sys.argv[3])
{inside}
"""
FOR_EVER = READ_FOR_EVER.format(inside="for message in consumer: print(message.value.decode())")
SILENT = READ_FOR_EVER.format(inside="while True: consumer.poll(1000)")


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("datasets")
    (folder / "trades").write_text("".join(f"{line}\n" for line in TRADES))
    return folder


@pytest.fixture(scope="module")
def shared(datasets: Path) -> Iterator[KafkaPod]:
    with kafka_pod(datasets) as started:
        yield started


@pytest.fixture
def pod(shared: KafkaPod) -> Iterator[KafkaPod]:
    """The pod; whatever a test has done to it, a reset makes it clean."""
    yield shared
    assert shared.reset()


def run_ok(pod: KafkaPod, order: RunOrder) -> RunReport:
    report = pod.run(order)
    assert report.outcome is Outcome.OK, report
    return report


def stage(report: RunReport, name: str) -> StageReport:
    return next(stage for stage in report.stages if stage.name == name)


def in_order(lines: list[str], symbol: str) -> bool:
    times = [int(line.split(",")[0]) for line in lines if line.split(",")[1] == symbol]
    return times == sorted(times)


def test_the_smoke_order_gives_the_output_that_lies_beside_it(pod: KafkaPod) -> None:
    smoke: dict[str, Any] = json.loads((images.find_folder() / "kafka/smoke.json").read_text())
    run_ok(pod, from_dict(RunOrder, smoke["order"]))
    assert {name: pod.output(name) for name in smoke["output"]} == smoke["output"]


@pytest.mark.parametrize(
    "programs",
    [{"producer": PRODUCER, "consumer": CONSUMER}, KAFKA_PYTHON, AIOKAFKA],
    ids=["confluent-kafka", "kafka-python", "aiokafka"],
)
def test_every_line_goes_through_the_topic_once(pod: KafkaPod, programs: dict[str, str]) -> None:
    report = run_ok(pod, order_of(**programs, options={"log_checks": ALL_CHECKS, "order_field": "1"}))
    assert [file.name for file in report.output] == ["part-00000"]
    lines = pod.lines(report)
    assert sorted(lines) == sorted(TRADES)
    assert all(in_order(lines, f"{letter}X") for letter in "ABCDEFGH")
    producer, consumer = stage(report, "producer"), stage(report, "consumer")
    assert (producer.records_in, producer.records_out) == (600, 600)
    assert (consumer.records_in, consumer.records_out) == (600, 600)
    assert producer.usage.cpu_s > 0
    assert consumer.usage.peak_bytes > MIB
    log = stage(report, "log").counters
    assert (log["log"]["messages"], log["log"]["keys"], log["lag"]["consumers"]) == (600, 8, 0)


def test_several_producers_and_consumers_share_the_lines(pod: KafkaPod) -> None:
    options = {"producers": ["producer.py count=2"], "consumers": ["consumer.py count=2"]}
    run_ok(pod, order_of(options={**options, "log_checks": ["complete", "partitioned", "consumed"]}))
    parts = [pod.output(f"part-0000{n}").splitlines() for n in range(2)]
    assert sorted(parts[0] + parts[1]) == sorted(TRADES)
    symbols = [{line.split(",")[1] for line in part} for part in parts]
    assert all(symbols)
    assert not symbols[0] & symbols[1]


def test_every_group_reads_everything(pod: KafkaPod) -> None:
    options = {"consumers": ["consumer.py group=one", "consumer.py group=two"]}
    report = run_ok(pod, order_of(options=options))
    assert sorted(pod.output("part-00000").splitlines()) == sorted(TRADES)
    assert sorted(pod.output("part-00001").splitlines()) == sorted(TRADES)
    assert stage(report, "log").counters["lag"] == {"one": 0, "two": 0}


@pytest.mark.parametrize(
    "options", [{"end": "idle", "end_idle_s": 1.0}, {"end": "count", "end_count": 600}], ids=["idle", "count"]
)
def test_a_consumer_that_reads_for_ever_is_interrupted(pod: KafkaPod, options: dict[str, Any]) -> None:
    report = run_ok(pod, order_of(consumer=FOR_EVER, options=options))
    assert sorted(pod.lines(report)) == sorted(TRADES)


def test_an_interrupted_consumer_may_still_write(pod: KafkaPod) -> None:
    counts = READ_FOR_EVER.format(
        inside="""
count = 0
try:
    for message in consumer:
        count += 1
        if count % 100 == 0: print("at", count)
except KeyboardInterrupt:
    print("counted", count)
"""
    )
    report = run_ok(pod, order_of(consumer=counts, options={"end": "idle", "end_idle_s": 1.0}))
    assert pod.lines(report)[-1] == "counted 600"


def test_programs_are_told_where_and_what_by_arguments_and_environment(pod: KafkaPod) -> None:
    tell = "import os, sys\nkeys = ('KAFKA_BOOTSTRAP', 'KAFKA_TOPIC', 'KAFKA_GROUP', 'KAFKA_END')\n"
    says = 'print(*sys.argv[1:], *(f"{key}={os.environ.get(key)}" for key in keys), file=sys.'
    order = order_of(
        tell + says + "stderr)\n" + PRODUCER,
        tell + says + "stdout)\n" + CONSUMER,
        arguments=("one", "two words"),
        options={"end_message": "STOP"},
    )
    report = run_ok(pod, order)
    where = "KAFKA_BOOTSTRAP=127.0.0.1:9092 KAFKA_TOPIC=prices"
    producer = stage(report, "producer").stderr
    assert producer == f"127.0.0.1:9092 prices one two words {where} KAFKA_GROUP=None KAFKA_END=STOP\n"
    consumer = pod.output().splitlines()[0]
    assert consumer == (
        f"127.0.0.1:9092 prices consumers one two words {where} KAFKA_GROUP=consumers KAFKA_END=STOP"
    )


def test_lines_can_come_at_a_rate_and_with_pauses(pod: KafkaPod) -> None:
    options = {"lines_per_s": 2000.0, "pauses": ["0.3s after 100"]}
    report = run_ok(pod, order_of(options=options))
    assert stage(report, "producer").usage.wall_s >= 0.3 + 599 / 2000
    assert sorted(pod.lines(report)) == sorted(TRADES)


def test_after_one_consumer_was_killed_another_one_goes_on(pod: KafkaPod) -> None:
    commits = CONSUMER.replace('"group.id"', '"auto.commit.interval.ms": 50, "group.id"')
    options = {"consumers": ["consumer.py count=2"], "kill_after_lines": 300, "log_checks": ["consumed"]}
    report = run_ok(pod, order_of(consumer=commits, options=options))
    parts = [pod.output(f"part-0000{n}").splitlines() for n in range(2)]
    assert {int(line.split(",")[0]) < 300 for line in parts[0]} == {True}
    assert set(parts[0] + parts[1]) == set(TRADES)
    assert {line.split(",")[1] for line in parts[1]} == {f"{letter}X" for letter in "ABCDEFGH"}
    assert stage(report, "log").counters["log"]["consumers_killed"] == 1


def test_what_a_dead_consumer_had_not_committed_is_read_twice(pod: KafkaPod) -> None:
    never = CONSUMER.replace('"group.id"', '"enable.auto.commit": False, "group.id"')
    options = {"consumers": ["consumer.py count=2"], "kill_after_lines": 300, "log_checks": ["consumed"]}
    report = run_ok(pod, order_of(consumer=never, options=options))
    assert len(pod.lines(report)) > 600
    assert pod.output("part-log") == "log\tconsumed\tgroup consumers has not committed 600 messages\n"


def test_a_check_that_fails_is_a_part_of_the_output_that_no_answer_has(pod: KafkaPod) -> None:
    careless = PRODUCER.replace('key=line.split(",")[1]', 'key=line.split(",")[0][-1:]')
    careless = careless.replace("    producer.poll(0)", '    producer.produce(sys.argv[2], value="9")')
    report = run_ok(pod, order_of(careless, options={"log_checks": ["complete", "keyed", "consumed"]}))
    assert pod.output("part-log").splitlines() == [
        "log\tcomplete\t1200 messages for 600 lines",
        "log\tkeyed\t600 messages have no key",
    ]
    assert stage(report, "log").status.startswith("complete: 1200 messages")


class Failure(NamedTuple):
    """A hand-in, and what is to be said of it."""

    outcome: Outcome
    stage: str | None
    words: str
    producer: str = PRODUCER
    consumer: str = CONSUMER
    options: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it
    limits: dict[str, float] = {}  # noqa: RUF012 - the same


FAILURES = {
    "never-joins": Failure(
        Outcome.TIME_LIMIT,
        "consumer",
        "after 2 s group consumers had 0 of its 1 consumers, and 4 of its 4 partitions had nobody",
        consumer="import time\ntime.sleep(600)\n",
        options={"join_s": 2.0},
    ),
    "without-group": Failure(
        Outcome.TIME_LIMIT,
        "consumer",
        "had 0 of its 1 consumers",
        consumer=SILENT.replace(", group_id=sys.argv[3]", ""),
        options={"join_s": 2.0},
    ),
    "leaves-early": Failure(
        Outcome.RUNTIME_ERROR,
        "consumer",
        "consumer (task 0) ended before its group consumers was complete",
        consumer="print(1)\n",
    ),
    "producer-never-ends": Failure(
        Outcome.TIME_LIMIT,
        "producer",
        "producer had not ended, though it had been given all its lines",
        producer=PRODUCER + "while True: producer.poll(1)\n",
        limits={"wall_s": 5.0},
    ),
    "producer-spins": Failure(
        Outcome.TIME_LIMIT,
        "producer",
        "producer used more than 1 s of CPU time",
        producer="while True: pass\n",
        limits={"cpu_s": 1.0},
    ),
    "consumer-misses-the-end": Failure(
        Outcome.TIME_LIMIT,
        "consumer",
        "consumer had not ended after the end message 'EOF'",
        consumer=SILENT,
        limits={"wall_s": 5.0},
    ),
    "topic-deleted": Failure(
        Outcome.RUNTIME_ERROR,
        None,
        "topic prices was deleted while the run went on",
        producer=PRODUCER
        + "from confluent_kafka.admin import AdminClient\n"
        + "admin = AdminClient({'bootstrap.servers': sys.argv[1]})\n"
        + "admin.delete_topics([sys.argv[2]])[sys.argv[2]].result()\n",
        consumer=SILENT,
    ),
    "message-too-large": Failure(
        Outcome.RUNTIME_ERROR,
        "producer",
        "MessageSizeTooLargeError",
        producer=KAFKA_PYTHON["producer"].replace(
            "\nproducer.flush", "\nproducer.send(sys.argv[2], b'x' * 5000).get()"
        ),
        options={"topics": ["prices partitions=4 max.message.bytes=2000"]},
    ),
    "topic-filled": Failure(
        Outcome.OUTPUT_LIMIT,
        "producer",
        "producer wrote more than 8 MiB",
        producer="""\
import sys
from confluent_kafka import Producer
producer = Producer({"bootstrap.servers": sys.argv[1], "queue.buffering.max.kbytes": 4096})
while True:
    try:
        producer.produce(sys.argv[2], value="x" * 10_000)
    except BufferError:
        producer.poll(0.1)
""",
        consumer=SILENT,
        limits={"disk_bytes": 8 * MIB},
    ),
    "consumer-crashes": Failure(
        Outcome.RUNTIME_ERROR,
        "consumer",
        "ZeroDivisionError: division by zero (consumer.py, line 15)",
        consumer=CONSUMER.replace("print(message.value().decode())", "print(1 / 0)"),
    ),
    "consumer-is-greedy": Failure(
        Outcome.MEMORY_LIMIT,
        "consumer",
        "consumer used more than 96 MiB of memory",
        consumer=CONSUMER.replace("ended = set()", "ended, hoard = set(), []").replace(
            "        print(", "        hoard.append(bytearray(MIB := 1 << 20))\n        print("
        ),
        limits={"memory_bytes": 96 * MIB},
    ),
    "consumer-is-chatty": Failure(
        Outcome.OUTPUT_LIMIT,
        "consumer",
        "wrote more than 4096 bytes of output",
        limits={"output_bytes": 4096},
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_every_failure_has_its_verdict_in_words(pod: KafkaPod, name: str) -> None:
    failure = FAILURES[name]
    report = pod.run(order_of(failure.producer, failure.consumer, options=failure.options, **failure.limits))
    assert report.outcome is failure.outcome, report
    assert failure.words in report.message
    assert report.stage == failure.stage
    assert not report.output


def test_a_setting_that_kafka_does_not_know_is_a_fault_of_ours(datasets: Path) -> None:
    with kafka_pod(datasets) as pod:
        report = pod.run(order_of(options={"topics": ["prices retention.mss=3"]}))
        assert report.outcome is Outcome.FAULT
        assert "retention.mss" in report.message
        assert not pod.reset()
