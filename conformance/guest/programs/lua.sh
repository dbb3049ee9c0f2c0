# Debian: lua5.4
set -euo pipefail
lua5.4 -e 'local s = 0 for i = 1, 1e6 do s = s + i end assert(s == 500000500000)'
