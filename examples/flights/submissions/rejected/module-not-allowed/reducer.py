import sys

import pandas as pd

flights = pd.read_csv(sys.stdin, sep="[\t,]", engine="python", names=["key", "dep_delay", "arr_delay", "cancelled"])
for key, group in flights.groupby("key"):
    print(f"{key} dep_delay\t{group.dep_delay.mean()}")
    print(f"{key} arr_delay\t{group.arr_delay.mean()}")
    print(f"{key} cancelled\t{group.cancelled.sum()}")
