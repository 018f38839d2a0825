import sys
from collections import defaultdict

dep_delays, arr_delays, cancelled = defaultdict(list), defaultdict(list), defaultdict(int)


def main():
    for line in sys.stdin:
        key, value = line.rstrip("\n").split("\t")
        dep_delay, arr_delay, was_cancelled = value.split(",")
        if dep_delay != "NA":
            dep_delays[key].append(int(dep_delay))
        if arr_delay != "NA":
            arr_delays[key].append(int(arr_delay))
        cancelled[key] += int(was_cancelled)


def report():
    for key in cancelled:
        print(f"{key} dep_delay\t{sum(dep_delays[key]) / len(dep_delays[key])}")
        print(f"{key} arr_delay\t{sum(arr_delays[key]) / len(arr_delays[key])}")
        print(f"{key} cancelled\t{cancelled[key]}")


if __name__ == "__main__":
    main()
