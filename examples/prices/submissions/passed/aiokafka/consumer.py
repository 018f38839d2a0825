import asyncio
import os
import sys

from aiokafka import AIOKafkaConsumer

bootstrap, topic, group = sys.argv[1:]
end = os.environ["KAFKA_END"].encode()


async def main():
    known = {}
    ended = set()
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest"
    )
    async with consumer:
        async for message in consumer:
            if message.value == end:
                ended.add(message.partition)
                if {place.partition for place in consumer.assignment()} <= ended:
                    break
                continue
            _, symbol, price, volume = message.value.decode().split(",")
            price, volume = int(price), int(volume)
            count, low, high, turnover = known.get(symbol, (0, price, price, 0))
            known[symbol] = count + 1, min(low, price), max(high, price), turnover + price * volume
            print(symbol, *known[symbol], sep="\t")


asyncio.run(main())
