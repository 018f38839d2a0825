import sys

from confluent_kafka import Producer

bootstrap, topic = sys.argv[1:]
producer = Producer({"bootstrap.servers": bootstrap})
producer.produce(topic, key="all", value=sys.stdin.read() * 100)
producer.flush()
