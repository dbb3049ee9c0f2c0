# Debian: graphviz gnuplot-nox
set -euo pipefail
echo 'digraph { a -> b -> c }' | dot -Tsvg | grep '</svg>'
echo 'set term dumb; plot sin(x)' | gnuplot | grep sin
