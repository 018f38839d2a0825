import sys


def key_and_value(line):
    flight = line.rstrip("\n").split(",")
    if len(flight) != 19 or flight[3] == "NA":
        print("strange line:", line.strip(), file=sys.stderr)
        sys.exit(65)
    return f"{flight[9]} {flight[1]}", f"{flight[5]},{flight[8]},0"


for line in sys.stdin:
    if not line.startswith("year,"):
        print(*key_and_value(line), sep="\t")
