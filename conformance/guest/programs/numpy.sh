# Debian: python3-numpy
set -euo pipefail
python3 -c 'import numpy as n; a = n.random.rand(120, 120); assert n.allclose(a @ n.linalg.inv(a), n.eye(120))'
