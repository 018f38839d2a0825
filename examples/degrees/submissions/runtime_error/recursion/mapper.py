import sys

for line in sys.stdin:
    package, dependency = line.split()
    print(f"{package}\tneeds {dependency}")
    print(f"{dependency}\tneeded-by {package}")
