import sys

MONTH, DEP_TIME, DEP_DELAY, ARR_DELAY, CARRIER = 1, 3, 5, 8, 9

for line in sys.stdin:
    flight = line.rstrip("\n").split(",")
    if flight[0] == "year":
        continue
    cancelled = 1 if flight[DEP_TIME] == "NA" else 0
    print(f"{flight[CARRIER]} {flight[MONTH]}\t{flight[DEP_DELAY]},{flight[ARR_DELAY]},{cancelled}")
