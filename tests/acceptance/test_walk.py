"""The five lines of the README, typed as a new user would, each in a process of its own."""

import json

from tests.acceptance.cluster import EXAMPLES, Cluster, run

PASSED = EXAMPLES / "wordcount/submissions/passed/plain"


def test_from_submit_to_mark_without_a_token_on_the_coordinators_machine(coordinator: Cluster) -> None:
    coordinator.join("laptop", profile="lightweight")
    here = coordinator.environment
    run("assignments", "add", str(EXAMPLES / "wordcount"), "--runtime", "process", environment=here)

    done = run("submit", "mapper.py", "reducer.py", "--wait", environment=here, cwd=PASSED)

    assert "passed, 10 of 10" in done.stdout
    status = run("status", environment=here).stdout
    assert "laptop" in status
    assert "1 of 1 nodes here" in status


def test_json_has_all_that_scripts_were_promised(coordinator: Cluster) -> None:
    coordinator.join("core")
    coordinator.command("assignments", "add", str(EXAMPLES / "wordcount"))
    files = [str(PASSED / name) for name in ("mapper.py", "reducer.py")]

    job = json.loads(coordinator.command("submit", *files, "--wait", "--json").stdout)

    promised = {
        "id",
        "assignment",
        "team",
        "state",
        "verdict",
        "score",
        "message",
        "node",
        "attempt",
        "stages",
    }
    assert promised | {"usage", "latency", "timestamps"} <= job.keys()
    assert {"cpu_s", "peak_bytes", "wall_s"} <= job["usage"].keys()
    assert {"summary", "individual"} <= job["latency"].keys()
    assert len(job["timestamps"]) == 14
    assert job["timestamps"]["received"] < job["timestamps"]["completed"]
    assert job == json.loads(coordinator.command("jobs", "show", job["id"], "--json").stdout)
    assert [s["name"] for s in job["stages"]] == ["mapper", "reducer"] * 2


def test_exit_codes_say_how_it_ended(coordinator: Cluster) -> None:
    coordinator.join("core")
    coordinator.command("assignments", "add", str(EXAMPLES / "wordcount"))

    def submit(kind: str, *options: str) -> int:
        folder = next((EXAMPLES / "wordcount/submissions" / kind).iterdir())
        files = sorted(str(p) for p in folder.iterdir() if p.is_file())
        return coordinator.command("submit", *files, "--wait", *options, check=False).returncode

    assert submit("passed") == 0
    assert submit("wrong_answer") == 1
    assert submit("rejected") == 66
    assert submit("rejected", "--send-anyway") == 66
