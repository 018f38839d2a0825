import sys

AIRPORTS = ["EWR", "JFK", "LGA"]


def empty_year():
    return [[None] * 25 * 60 for day in range(12 * 31)]  # an hour to spare


dep_delays, arr_delays = {}, {}
for line in sys.stdin:
    flight = line.rstrip("\n").split(",")
    if flight[0] == "year":
        continue
    carrier, airport = flight[9], AIRPORTS.index(flight[12])
    if carrier not in dep_delays:
        dep_delays[carrier] = [empty_year() for _ in AIRPORTS]
        arr_delays[carrier] = [empty_year() for _ in AIRPORTS]
    day = (int(flight[1]) - 1) * 31 + int(flight[2]) - 1
    minute = int(flight[16]) * 60 + int(flight[17])
    while dep_delays[carrier][airport][day][minute] is not None:
        minute += 1  # another flight of this carrier at the same time
    dep_delays[carrier][airport][day][minute] = flight[5]
    arr_delays[carrier][airport][day][minute] = flight[8]

for carrier in dep_delays:
    for airport in range(len(AIRPORTS)):
        for day in range(12 * 31):
            for dep, arr in zip(dep_delays[carrier][airport][day], arr_delays[carrier][airport][day]):
                if dep is not None:
                    print(f"{carrier} {day // 31 + 1}\t{dep},{arr},{int(dep == 'NA')}")
