"""The environment that Hadoop Streaming documents for its programs: job settings, dots become underscores.

Names and values say nothing of this very run, so that a program that prints them prints the same each time.
"""

from __future__ import annotations

from bighost.pod.frameworks.splits import Split

JOB = "job_1_0001"
TASK = "1_0001"


def map_environment(index: int, split: Split, maps: int, reduces: int) -> dict[str, str]:
    """What the mapper of a split is told."""
    return _task_environment("m", index, maps, reduces) | {
        "mapreduce_map_input_file": str(split.path),
        "mapreduce_map_input_start": str(split.start),
        "mapreduce_map_input_length": str(split.length),
    }


def reduce_environment(index: int, maps: int, reduces: int) -> dict[str, str]:
    """What the reducer of a partition is told."""
    return _task_environment("r", index, maps, reduces)


def _task_environment(kind: str, index: int, maps: int, reduces: int) -> dict[str, str]:
    return {
        "mapreduce_job_id": JOB,
        "mapreduce_job_maps": str(maps),
        "mapreduce_job_reduces": str(reduces),
        "mapreduce_task_id": f"task_{TASK}_{kind}_{index:06}",
        "mapreduce_task_attempt_id": f"attempt_{TASK}_{kind}_{index:06}_0",
        "mapreduce_task_partition": str(index),
        "mapreduce_task_ismap": "true" if kind == "m" else "false",
        "mapreduce_task_output_dir": ".",  # what a task may write lies in its current folder
    }
