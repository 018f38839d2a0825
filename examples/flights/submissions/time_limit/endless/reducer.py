import sys
import time

give_up = time.monotonic() + 50


def mean(delays):
    """The number whose distances to all delays add up to zero."""
    guess = 0.0
    while sum(delay - guess for delay in delays) != 0 and time.monotonic() < give_up:
        guess += sum(delay - guess for delay in delays) / len(delays) / 2
    return guess


flights = {}
for line in sys.stdin:
    key, value = line.rstrip("\n").split("\t")
    flights.setdefault(key, []).append(value.split(","))

for key, rows in flights.items():
    for column, name in enumerate(["dep_delay", "arr_delay"]):
        known = [int(row[column]) for row in rows if row[column] != "NA"]
        if known:
            print(f"{key} {name}\t{mean(known)}")
    print(f"{key} cancelled\t{sum(int(row[2]) for row in rows)}")
