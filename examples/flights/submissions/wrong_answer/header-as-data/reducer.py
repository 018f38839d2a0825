import sys
from itertools import groupby


def mean(texts):
    numbers = []
    for text in texts:
        try:
            numbers.append(int(text))
        except ValueError:
            continue
    return sum(numbers) / len(numbers) if numbers else 0.0


for key, lines in groupby(sys.stdin, key=lambda line: line.split("\t")[0]):
    rows = [line.rstrip("\n").split("\t")[1].split(",") for line in lines]
    print(f"{key} dep_delay\t{mean(row[1] for row in rows)}")
    print(f"{key} arr_delay\t{mean(row[2] for row in rows)}")
    print(f"{key} cancelled\t{sum(row[0] == 'NA' for row in rows)}")
