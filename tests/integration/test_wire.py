"""The wire with real sockets: who is believed, who is not, and what a broken connection looks like."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import structlog.testing
import zmq
import zmq.asyncio

from bighost.errors import NetworkError, OperatorError
from bighost.wire.keys import KeyPair
from bighost.wire.sockets import CoordinatorSocket, Envelope, NodeSocket

DEADLINE_S = 20.0
SERVER = KeyPair.new()


@pytest.fixture
async def coordinator() -> AsyncIterator[CoordinatorSocket]:
    opened = CoordinatorSocket(SERVER)
    await opened.bind("127.0.0.1", 0)
    yield opened
    await opened.close()


@pytest.fixture
async def nodes() -> AsyncIterator[list[NodeSocket]]:
    opened: list[NodeSocket] = []
    yield opened
    for node in opened:
        await node.close()


async def dial(
    nodes: list[NodeSocket], coordinator: CoordinatorSocket, keys: KeyPair | None = None
) -> NodeSocket:
    node = NodeSocket(keys or KeyPair.new())
    nodes.append(node)
    await node.connect(endpoint(coordinator), SERVER.public)
    return node


def endpoint(coordinator: CoordinatorSocket) -> str:
    return f"tcp://127.0.0.1:{coordinator.port}"


async def heard(coordinator: CoordinatorSocket) -> Envelope:
    async with asyncio.timeout(DEADLINE_S):
        return await coordinator.receive()


async def told(node: NodeSocket) -> bytes:
    async with asyncio.timeout(DEADLINE_S):
        return await node.receive()


async def until(condition: object) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def test_a_message_goes_there_and_an_answer_comes_back(coordinator, nodes):
    node = await dial(nodes, coordinator)
    await node.send(b"hello")
    envelope = await heard(coordinator)
    assert envelope.data == b"hello"
    assert coordinator.send(envelope.route, b"welcome")
    assert await told(node) == b"welcome"


async def test_each_sender_is_known_by_its_key(coordinator, nodes):
    ann, ben = KeyPair.new(), KeyPair.new()
    await (await dial(nodes, coordinator, ann)).send(b"ann")
    await (await dial(nodes, coordinator, ben)).send(b"ben")
    envelopes = [await heard(coordinator), await heard(coordinator)]
    assert {e.key: e.data for e in envelopes} == {ann.public: b"ann", ben.public: b"ben"}
    for envelope in envelopes:
        assert coordinator.send(envelope.route, envelope.data)
    assert [await told(node) for node in nodes] == [b"ann", b"ben"]


async def test_a_message_of_a_mebibyte_arrives_whole(coordinator, nodes):
    node = await dial(nodes, coordinator)
    await node.send(bytes(1024 * 1024))
    assert len((await heard(coordinator)).data) == 1024 * 1024


async def test_whoever_expects_another_server_key_gets_nowhere(coordinator):
    node = NodeSocket(KeyPair.new())
    with pytest.raises(NetworkError, match="right key"):
        await node.connect(endpoint(coordinator), KeyPair.new().public)
    with pytest.raises(NetworkError, match="not connected"):
        await node.send(b"let me in")


async def test_nobody_there_is_a_network_error():
    node = NodeSocket(KeyPair.new())
    with pytest.raises(NetworkError):
        await node.connect("tcp://127.0.0.1:1", SERVER.public)


async def test_somebody_who_never_answers_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        node = NodeSocket(KeyPair.new())
        with pytest.raises(NetworkError, match="no answer"):
            await node.connect(f"tcp://127.0.0.1:{silent.getsockname()[1]}", SERVER.public, timeout_s=0.2)


async def test_garbage_on_the_port_is_counted_and_does_no_harm(coordinator, nodes):
    with structlog.testing.capture_logs() as logs:
        for number in range(1, 31):
            _, writer = await asyncio.open_connection("127.0.0.1", coordinator.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
            await until(lambda count=number: coordinator.strangers.count >= count)
            writer.close()
        node = await dial(nodes, coordinator)
        await node.send(b"still here?")
        assert (await heard(coordinator)).data == b"still here?"
    assert len([entry for entry in logs if entry["action"] == "strangers_refused"]) == 1


async def test_a_peer_without_curve_is_never_heard(coordinator, nodes):
    context = zmq.asyncio.Context()
    plain = context.socket(zmq.DEALER)
    plain.linger = 0
    plain.connect(endpoint(coordinator))
    await plain.send(b"psst")
    await until(lambda: coordinator.strangers.count >= 1)
    node = await dial(nodes, coordinator)
    await node.send(b"me first")
    assert (await heard(coordinator)).data == b"me first"
    plain.close()
    context.term()


async def test_frames_that_are_no_message_are_passed_over(coordinator, nodes):
    keys, context = KeyPair.new(), zmq.asyncio.Context()
    odd = context.socket(zmq.DEALER)
    odd.linger = 0
    odd.curve_serverkey = SERVER.public.encode()
    odd.curve_publickey, odd.curve_secretkey = keys.public.encode(), keys.secret.encode()
    odd.connect(endpoint(coordinator))
    await odd.send_multipart([b"three", b"frames", b"here"])
    await odd.send(b"one")
    assert (await heard(coordinator))[::2] == (keys.public, b"one")
    await until(lambda: coordinator.strangers.count == 1)
    odd.close()
    context.term()


async def test_who_is_not_there_can_not_be_sent_to(coordinator, nodes):
    assert not coordinator.send(b"nobody", b"hello?")
    node = await dial(nodes, coordinator)
    await node.send(b"hello")
    route = (await heard(coordinator)).route
    await node.close()
    await until(lambda: not coordinator.send(route, b"hello?"))


async def test_a_lost_connection_is_an_error_after_the_last_message_was_read(coordinator, nodes):
    node = await dial(nodes, coordinator)
    await node.send(b"hello")
    coordinator.send((await heard(coordinator)).route, b"farewell")
    await coordinator.close()
    assert await told(node) == b"farewell"
    with pytest.raises(NetworkError, match="lost"):
        await told(node)
    with pytest.raises(NetworkError, match="lost"):
        await node.send(b"anybody?")


async def test_a_fresh_socket_reaches_a_coordinator_that_came_back(coordinator, nodes):
    node = await dial(nodes, coordinator)
    await coordinator.close()
    with pytest.raises(NetworkError):
        await told(node)
    with pytest.raises(NetworkError):
        await node.reconnect()
    again = CoordinatorSocket(SERVER)
    await again.bind("127.0.0.1", coordinator.port)
    await node.reconnect()
    await node.send(b"me again")
    assert (await heard(again)).data == b"me again"
    await again.close()


async def test_a_taken_port_is_named(coordinator):
    with pytest.raises(OperatorError, match=f"port {coordinator.port} on 127.0.0.1 is taken") as raised:
        await CoordinatorSocket(SERVER).bind("127.0.0.1", coordinator.port)
    assert "--listen" in raised.value.hint


async def test_an_address_of_another_machine_is_named():
    with pytest.raises(OperatorError, match=r"on 192\.0\.2\.1"):
        await CoordinatorSocket(SERVER).bind("192.0.2.1", 0)


async def test_it_listens_by_name_too():
    coordinator = CoordinatorSocket(SERVER)
    await coordinator.bind("localhost", 0)
    assert coordinator.port > 0
    await coordinator.close()
    await coordinator.close()
