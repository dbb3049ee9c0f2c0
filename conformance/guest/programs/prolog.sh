# Debian: swi-prolog-nox
set -euo pipefail
swipl -g 'numlist(1, 100, L), sumlist(L, S), writeln(S), thread_create(true, T), thread_join(T), halt' | grep 5050
