import sys
import time

give_up = time.monotonic() + 50

line = sys.stdin.readline()
while line:
    package, value = line.rstrip("\n").split("\t")
    neighbours = {value}
    while time.monotonic() < give_up:
        if line.startswith(package + "\t"):
            neighbours.add(line.rstrip("\n").split("\t")[1])
        line = sys.stdin.readline() or line
    out_degree = sum(value.startswith("needs ") for value in neighbours)
    print(f"{package}\t{len(neighbours) - out_degree}\t{out_degree}")
    line = sys.stdin.readline()
