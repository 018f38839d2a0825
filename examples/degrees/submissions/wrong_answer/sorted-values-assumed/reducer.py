import sys
from itertools import groupby


def package_and_direction(line):
    package, value = line.split("\t")
    return package, value.split()[0]


degrees = {}
for (package, direction), lines in groupby(sys.stdin, key=package_and_direction):
    degrees.setdefault(package, {})[direction] = len(set(lines))
for package, degree in degrees.items():
    print(f"{package}\t{degree.get('needed-by', 0)}\t{degree.get('needs', 0)}")
