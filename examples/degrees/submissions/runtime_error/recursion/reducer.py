import sys


def degrees(lines, number, package, neighbours):
    if number == len(lines):
        return
    name, value = lines[number].rstrip("\n").split("\t")
    if name != package and package is not None:
        out_degree = sum(value.startswith("needs ") for value in neighbours)
        print(f"{package}\t{len(neighbours) - out_degree}\t{out_degree}")
        neighbours = set()
    degrees(lines, number + 1, name, neighbours | {value})


degrees(sys.stdin.readlines(), 0, None, set())
