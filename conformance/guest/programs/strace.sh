# Debian: strace
set -euo pipefail
cd /tmp
strace -f -o s sh -c 'ls / | wc -l; true'
grep -q execve s
grep -q 'exited with 0' s
strace -c -o c ls
grep total c
