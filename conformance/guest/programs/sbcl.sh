# Debian: sbcl
set -euo pipefail
sbcl --noinform --eval '(progn (print (loop for i below 100000 sum i)) (gc :full t) (terpri) (exit))' | grep 4999950000
