import sys

from kafka import KafkaProducer

bootstrap, topic = sys.argv[1:]
producer = KafkaProducer(bootstrap_servers=bootstrap)
for line in sys.stdin:
    trade = line.strip().encode()
    producer.send(topic, key=trade.split(b",")[1], value=trade)
producer.flush()
