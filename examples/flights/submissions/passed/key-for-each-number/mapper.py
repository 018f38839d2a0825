import csv
import sys

for row in csv.reader(sys.stdin):
    if row[0] == "year":
        continue
    key = f"{row[9]} {row[1]}"
    if row[5] != "NA":
        print(f"{key} dep_delay\t{row[5]}")
    if row[8] != "NA":
        print(f"{key} arr_delay\t{row[8]}")
    print(f"{key} cancelled\t{int(row[3] == 'NA')}")
    if row[3] == "NA":
        print("reporter:counter:Flights,Cancelled,1", file=sys.stderr)
