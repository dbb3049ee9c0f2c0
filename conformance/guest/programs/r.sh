# Debian: r-base-core
set -euo pipefail
Rscript -e 'x <- matrix(runif(10000), 100); print(dim(solve(x)))' | grep 100
