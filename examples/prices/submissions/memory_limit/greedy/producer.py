import sys

from confluent_kafka import Producer

bootstrap, topic = sys.argv[1:]
producer = Producer({"bootstrap.servers": bootstrap})
for line in sys.stdin:
    symbol = line.split(",")[1]
    producer.produce(topic, key=symbol, value=line.strip())
    producer.poll(0)
producer.flush()
