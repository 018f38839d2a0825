import sys

seen = set()
for line in sys.stdin:
    if line in seen:
        print("reporter:counter:Edges,Repeated,1", file=sys.stderr)
        continue
    seen.add(line)
    a, b = line.rstrip("\n").split("\t")
    print(a, "+" + b, sep="\t")
    print(b, "-" + a, sep="\t")
print(f"mapper: {len(seen)} edges", file=sys.stderr)
