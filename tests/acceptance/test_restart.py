"""A coordinator that is started again, and what its nodes make of it."""

from tests.acceptance.cluster import Cluster


def test_a_node_finds_a_coordinator_that_came_back_on_another_port(coordinator: Cluster) -> None:
    coordinator.join("laptop", profile="lightweight")
    coordinator.until_here("laptop")
    before = coordinator.node_port
    coordinator.kill(coordinator.coordinator)

    coordinator.up("--node-port", "0", listen=coordinator.url.removeprefix("http://"))

    assert coordinator.node_port != before
    coordinator.until_here("laptop")
