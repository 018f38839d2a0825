import sys


def write(key, total, count):
    if key is None:
        return
    print(f"{key}\t{total if key.endswith('cancelled') else total / count}")


current, total, count = None, 0, 0
for line in sys.stdin:
    key, value = line.split("\t")
    if key != current:
        write(current, total, count)
        current, total, count = key, 0, 0
    total += float(value)
    count += 1
write(current, total, count)
