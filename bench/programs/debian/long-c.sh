# A C source of some 300 lines with loops, switches, structures and floating point: /tmp/bench-long.c.
test -s /tmp/bench-long.c && exit
{
  printf '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n\n'
  i=0
  while [ $i -lt 18 ]; do
    cat <<C
struct s$i { int a[$((i + 3))]; double d; char name[$((i * 3 + 8))]; struct s$i *next; };
static long f$i(struct s$i *s, long n) {
  long sum = $i;
  for (long k = 0; k < n; k++) {
    switch ((k * $((i * 7 + 3))) % 6) {
    case 0: sum += s->a[k % $((i + 3))]; break;
    case 1: sum ^= (long)(s->d * $i.5); break;
    case 2: s->a[k % $((i + 3))] = (int)(sum >> $((i % 5))); break;
    case 3: s->d += sum / $((i + 1)).0; break;
    case 4: if (s->next) sum += (long)strlen(s->next->name); break;
    default: s->name[k % $((i * 3 + 7))] = (char)('a' + k % 26);
    }
  }
  return sum;
}
C
    i=$((i + 1))
  done
  printf 'int main(int argc, char **argv) {\n  long sum = argc;\n  (void)argv;\n'
  i=0
  while [ $i -lt 18 ]; do
    printf '  { struct s%d s; memset(&s, 0, sizeof s); sum += f%d(&s, sum & 255); }\n' $i $i
    i=$((i + 1))
  done
  printf '  printf("%%ld\\n", sum);\n  return 0;\n}\n'
} >/tmp/bench-long.c
