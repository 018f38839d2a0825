"""Real Hadoop inside a pod: its JVM, the hand-over of student programs to the warden, and a job's plan."""
