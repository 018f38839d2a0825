import sys

SIZE = 9000

matrix = [[0] * SIZE for _ in range(SIZE)]
numbers = {}
for line in sys.stdin:
    package, dependency = line.split("\t")[1].split()
    for name in (package, dependency):
        numbers.setdefault(name, len(numbers))
    matrix[numbers[package]][numbers[dependency]] = 1

for package in sorted(numbers):
    number = numbers[package]
    in_degree = sum(row[number] for row in matrix)
    print(f"{package}\t{in_degree}\t{sum(matrix[number])}")
