import sys

for line in sys.stdin:
    package, dependency = line.split()
    print(f"edge\t{package} {dependency}")
