# Debian: gcc libc6-dev
set -euo pipefail
cd /tmp
cat > o.c <<'END'
#include <stdio.h>
int main(void) {
  int s = 0;
#pragma omp parallel for reduction(+ : s) num_threads(4)
  for (int i = 0; i < 1000; i++) s += i;
  printf("%d\n", s);
}
END
gcc -fopenmp o.c -o o
./o | grep 499500
