/**
 * Goal: programs whose shadow memory lies at fixed places above 4 GiB run. Method: gcc's address sanitizer, compared
 * with what it is known to report; there is no judge, because qemu-user can't run it.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { stratosRun } from "./support/stratos.ts";
import { ensureTestImage } from "./support/test-image.ts";

before(async () => {
  await ensureTestImage();
});

const PROGRAM = `
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int count, char **arguments) {
  char *p = malloc(10);
  long sum = 0;
  for (int i = 0; i < 1000; i++) {
    char *q = malloc(i + 1);
    q[i] = i;
    sum += q[i];
    free(q);
  }
  int status;
  if (fork() == 0) _exit(p == NULL);
  wait(&status);
  printf("%ld %d\\n", sum, status);
  fflush(stdout);
  p[9 + count] = 1;
  return p[3];
}`;

test("gcc's address sanitizer finds an overflow and names its place", async () => {
  const built = await stratosRun(
    ["sh", "-c", "cd /tmp && cat > a.c && gcc -g -O1 -fsanitize=address -o a a.c && exec ./a"],
    { stdin: PROGRAM },
  );
  assert.equal(built.stdout, "124716 0\n");
  assert.equal(built.status, 1);
  assert.match(built.stderr, /ERROR: AddressSanitizer: heap-buffer-overflow/);
  assert.match(built.stderr, /WRITE of size 1/);
  assert.match(built.stderr, /in main \/tmp\/a\.c:20/);
  assert.match(built.stderr, /0 bytes after 10-byte region/);
});
