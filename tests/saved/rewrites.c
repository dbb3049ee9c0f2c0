/* Writes all of 16 MiB, and again for each line that it reads. */
#include <stdio.h>
#include <stdlib.h>

#define BYTES (16 << 20)

int main(void) {
    volatile char *bytes = malloc(BYTES);
    char line[64];
    for (int round = 1;; round++) {
        for (int at = 0; at < BYTES; at += 4096) bytes[at] = round;
        printf("round %d\n", round);
        fflush(stdout);
        if (!fgets(line, sizeof line, stdin)) return 0;
    }
}
