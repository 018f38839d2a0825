import asyncio
import sys

from aiokafka import AIOKafkaProducer

bootstrap, topic = sys.argv[1:]


async def main():
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for line in sys.stdin:
            trade = line.strip().encode()
            await producer.send(topic, trade, key=trade.split(b",")[1])


asyncio.run(main())
