# Debian: gcc libc6-dev
set -euo pipefail
cd /tmp
printf '#include <stdlib.h>\nint main(void) { char *p = malloc(3); return p[3]; }\n' > a.c
gcc -g -fsanitize=address,undefined a.c -o a
! ./a 2> out
grep 'heap-buffer-overflow' out
gcc --coverage -o c -x c - <<< 'int main(void) { return 0; }'
./c
ls ./*.gcda
