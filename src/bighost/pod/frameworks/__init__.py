"""The frameworks a pod can run, by the name that assignments use: each a file here and a line below."""

from __future__ import annotations

from bighost.pod.frameworks.base import Framework
from bighost.pod.frameworks.iterative import Iterative
from bighost.pod.frameworks.kafka import Kafka
from bighost.pod.frameworks.mapreduce import MapReduce
from bighost.pod.frameworks.spark import Spark
from bighost.pod.frameworks.streaming import Streaming

FRAMEWORKS: dict[str, type[Framework]] = {
    "iterative": Iterative,
    "kafka": Kafka,
    "mapreduce": MapReduce,
    "spark": Spark,
    "streaming": Streaming,
}
