import sys

for line in sys.stdin:
    package, dependency = line.split()
    print(f"{package}\t0 1")
    print(f"{dependency}\t1 0")
