import sys


def write(package, edges):
    out_degree = len([edge for edge in edges if edge[0] == "+"])
    print(package, len(edges) - out_degree, out_degree, sep="\t")


current, edges = None, set()
for line in sys.stdin:
    package, _, edge = line.strip().partition("\t")
    if package != current and current is not None:
        write(current, edges)
        edges = set()
    current = package
    edges.add(edge)
if current is not None:
    write(current, edges)
