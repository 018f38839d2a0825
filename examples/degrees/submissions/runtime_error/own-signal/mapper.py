import signal
import sys

edges = 0
for line in sys.stdin:
    package, dependency = line.split()
    print(f"{package}\tneeds {dependency}")
    print(f"{dependency}\tneeded-by {package}")
    edges += 1
print(f"done after {edges} edges", file=sys.stderr)
sys.stderr.flush()
sys.stdout.flush()
signal.raise_signal(signal.SIGTERM)
