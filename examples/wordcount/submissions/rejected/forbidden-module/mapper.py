import subprocess

subprocess.run("cut -d' ' -f2- | tr -cs \"A-Za-z'\" '\\n' | tr A-Z a-z | sed 's/$/\\t1/'", shell=True)
