"""Real Hadoop Streaming: one resident JVM a pod runs job after job, student programs run under the warden."""

from __future__ import annotations

import base64
from typing import Any, ClassVar

from bighost.pod.contract import Option, RunLimits, RunOrder, Segments
from bighost.pod.frameworks.base import Framework
from bighost.pod.hadoop.engine import HadoopEngine, has_yarn
from bighost.pod.hadoop.outputs import hand_in
from bighost.pod.hadoop.plan import JobPlan, check_job, roles_of
from bighost.pod.run import Run

MIB = 1 << 20
MOST_REDUCERS = 1000
PASS_ON = b"import sys\nsys.stdout.writelines(sys.stdin)\n"


class MapReduce(Framework):
    """Runs mapper, combiner and reducer as jobs of Hadoop Streaming, in a JVM that stays."""

    IMAGE: ClassVar[str] = "hadoop"  # of its pods
    OVERHEAD_BYTES: ClassVar[int] = 1024 * MIB  # the JVM, control server, and launchers
    OVERHEAD_PROCESSES: ClassVar[int] = 160  # their threads
    OPTIONS: ClassVar[dict[str, Option]] = {
        "mode": Option(
            str, "local", "where jobs run: local (in the pod's own JVM) or yarn (in the image hadoop-yarn)"
        ),
        "mapper": Option(str, "mapper.py", "the file that is the mapper"),
        "combiner": Option(str, "", "the file that is the combiner, where one was handed in; empty: none"),
        "reducer": Option(
            str, "reducer.py", "the file that is the reducer; empty: the mappers' output is the output"
        ),
        "reducers": Option(int, 1, "how many reducers, and part files; 0: none", 0, MOST_REDUCERS),
        "split_bytes": Option(int, 32 * MIB, "the size of an input split", 1),
        "input_format": Option(str, "text", "text (also compressed) or sequence (a sequence file)"),
        "key_fields": Option(int, 1, "how many fields of a mapper's line are its key", 1),
        "partition_fields": Option(
            int, 0, "how many fields of the key choose the reducer; 0: the whole key", 0
        ),
        "sort": Option(
            str, "", "how keys are sorted, as of sort(1), such as '-k1,1 -k2,2nr'; empty: by bytes"
        ),
        "separator": Option(str, "\t", "what stands between fields"),
        "side_files": Option(
            list, [], "names that the last inputs get beside the programs, instead of being read"
        ),
        "settings": Option(list, [], "settings of Hadoop, each NAME=VALUE"),
        "jvm_jobs": Option(int, 200, "how many jobs a JVM runs before it is replaced", 1),
    }

    def __init__(self) -> None:
        self._engine = HadoopEngine()

    def start(self) -> None:
        """Start the JVM. Raises Fault."""
        self._engine.start()

    def trial(self) -> RunOrder:
        """Lets a mapper and a reducer pass on the lines of this file."""
        program = base64.b64encode(PASS_ON).decode()
        return RunOrder(
            run="trial",
            framework="mapreduce",
            files={"mapper.py": program, "reducer.py": program},
            inputs=[__file__],
            limits=RunLimits(30.0, 180.0, 256 * MIB, 16, MIB, 16 * MIB),
            options={"mode": "yarn"} if has_yarn() else {},
        )

    def check(self, order: RunOrder, options: dict[str, Any]) -> None:
        """Raises ContractError when the order contradicts itself."""
        check_job(order, options)

    def run(self, run: Run) -> None:
        """See `Framework.run`."""
        inputs = self._engine.lay_out(run)
        plan = JobPlan(
            inputs=inputs,
            output=run.workdir.spill / "out",
            folder=run.workdir.spill / "hadoop",
            options=run.options,
            roles=roles_of(run.options, run.files),
            cores=run.cores,
        )
        self._engine.run(run, plan)
        run.output = hand_in(plan.output, run)
        run.segments = Segments(reduce_output=[file.digest for file in run.output])

    def reset(self) -> None:
        """Replace the JVM where it is spent. Raises Fault."""
        self._engine.renew()

    def stop(self) -> None:
        """End the JVM."""
        self._engine.stop()
