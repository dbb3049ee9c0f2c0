# Debian: ocaml-nox
set -euo pipefail
cd /tmp
echo 'let rec f n = if n < 2 then n else f (n - 1) + f (n - 2);; print_int (f 22)' > a.ml
ocamlopt a.ml -o a
./a | grep 17711
ocaml a.ml | grep 17711
