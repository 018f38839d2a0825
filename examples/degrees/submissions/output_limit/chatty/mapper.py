import sys

seen = []
for line in sys.stdin:
    package, dependency = line.split()
    seen.append(f"needs {dependency}")
    print(f"{package}\tneeds {dependency}")
    for package_before in seen[:100]:
        print(f"{dependency}\tneeded-by {package} {' '.join(seen[-5:])} {package_before}")
