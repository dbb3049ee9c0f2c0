# Debian: guile-3.0
set -euo pipefail
guile -c '(use-modules (ice-9 threads)) (display (apply + (par-map (lambda (x) (* x x)) (iota 100))))' | grep 328350
