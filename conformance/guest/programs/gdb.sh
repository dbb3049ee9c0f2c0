# Debian: gdb gcc libc6-dev
set -euo pipefail
cd /tmp
cat > g.c <<'END'
#include <stdio.h>
int f(int x) { return x * 2; }
int main(void) { printf("%d\n", f(21)); return 0; }
END
gcc -g g.c -o g
gdb -batch -ex 'break f' -ex run -ex bt -ex 'print x' -ex 'watch x' -ex finish -ex continue ./g > out 2>&1
grep '= 21$' out
grep 'Value returned is .* = 42' out
grep 'exited normally' out
