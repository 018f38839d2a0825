import sys

from confluent_kafka import Producer

bootstrap, topic = sys.argv[1:]
producer = Producer({"bootstrap.servers": bootstrap})
for line in sys.stdin:
    time = line.split(",")[0]
    producer.produce(topic, key=time, value=line.strip())
    producer.poll(0)
producer.flush()
