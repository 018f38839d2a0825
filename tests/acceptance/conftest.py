import pytest

from tests.acceptance.cluster import Cluster, cluster


@pytest.fixture
def empty_cluster():
    with cluster() as made:
        yield made


@pytest.fixture
def coordinator(empty_cluster: Cluster) -> Cluster:
    """A cluster whose coordinator is up, without nodes."""
    empty_cluster.up()
    return empty_cluster
