"""Makes the archive of classes from which a pod's JVM starts in half the time: a step of the image's build.

Whatever a small job loads is written when the JVM ends (Java's dynamic class-data sharing).
"""

from __future__ import annotations

from bighost.pod.hadoop.engine import new_jvm, warm


def main() -> None:
    """Run a job in a JVM that writes the archive when it ends. Raises Fault."""
    jvm = new_jvm("ArchiveClassesAtExit")
    jvm.wait_until_ready()
    warm(jvm)
    jvm.finish()


if __name__ == "__main__":
    main()
