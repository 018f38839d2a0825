import sys

from confluent_kafka import Producer

bootstrap, topic = sys.argv[1:]
producer = Producer({"bootstrap.servers": bootstrap})
for line in sys.stdin:
    producer.produce(topic, value=line.strip())
    producer.poll(0)
producer.flush()
