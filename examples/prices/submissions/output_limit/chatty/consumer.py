import os
import sys

from confluent_kafka import Consumer

bootstrap, topic, group = sys.argv[1:]
end = os.environ["KAFKA_END"].encode()
consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest"})
consumer.subscribe([topic])
ended = set()
known = {}
while True:
    message = consumer.poll(1)
    if message is None:
        continue
    if message.error():
        sys.exit(str(message.error()))
    if message.value() == end:
        ended.add(message.partition())
        if {place.partition for place in consumer.assignment()} <= ended:
            break
        continue
    _, symbol, price, volume = message.value().decode().split(",")
    price, volume = int(price), int(volume)
    count, low, high, turnover = known.get(symbol, (0, price, price, 0))
    known[symbol] = count + 1, min(low, price), max(high, price), turnover + price * volume
    for symbol in list(known) * 30:
        print(symbol, *known[symbol], sep="\t")
consumer.close()
