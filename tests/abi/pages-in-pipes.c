/* What vmsplice(2) puts into a pipe is the page itself: who reads it has what lies there then. */
#include "abi.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

static int first[2], second[2];

static void put(void *at, size_t count) {
  struct iovec vector = {at, count};
  SHOW(vmsplice(first[1], &vector, 1, 0));
}

static void has(const char *when, int from, size_t count) {
  char bytes[64] = "";
  ssize_t got = read(from, bytes, count);
  printf("%s: %zd %s\n", when, got, bytes);
  fflush(stdout);
}

int main(void) {
  static char held[8192];
  SHOW(pipe(first));
  SHOW(pipe(second));
  fcntl(second[0], F_SETFL, O_NONBLOCK);

  strcpy(held, "before");
  put(held, 6);
  strcpy(held, "behind");
  has("changed", first[0], 6);

  /* Of two pages. */
  memcpy(held + 4094, "abcd", 4);
  put(held + 4094, 4);
  memcpy(held + 4094, "ABCD", 4);
  has("of two pages", first[0], 2);
  memcpy(held + 4094, "....", 4);
  has("the rest", first[0], 2);

  /* It stays when the mapping goes. */
  char *gone = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  strcpy(gone, "mapped");
  put(gone, 6);
  strcpy(gone, "Mapped");
  munmap(gone, 4096);
  char *other = mmap(gone, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  strcpy(other, "others");
  has("unmapped", first[0], 6);

  /* A page that a child has, too, is written elsewhere. */
  strcpy(held, "parent");
  put(held, 6);
  pid_t child = fork();
  if (child == 0) {
    strcpy(held, "child!");
    _exit(0);
  }
  waitpid(child, NULL, 0);
  strcpy(held, "PARENT");
  has("forked", first[0], 6);

  /* On its way to other pipes. */
  strcpy(held, "travel");
  put(held, 6);
  SHOW(tee(first[0], second[1], 3, 0));
  SHOW(splice(first[0], NULL, second[1], NULL, 6, 0));
  strcpy(held, "TRAVEL");
  has("tee", second[0], 3);
  has("splice", second[0], 6);
  SHOW(read(second[0], held, 1));

  /* What follows it has a page of its own. */
  strcpy(held, "one");
  put(held, 3);
  SHOW(write(first[1], "two", 3));
  strcpy(held, "ONE");
  has("both", first[0], 6);

  /* A mapping that the process may only read. */
  strcpy(other, "sealed");
  mprotect(other, 4096, PROT_READ);
  put(other, 6);
  mprotect(other, 4096, PROT_READ | PROT_WRITE);
  has("read-only", first[0], 6);
  SHOW(close(first[1]));
  has("end", first[0], 6);
  return 0;
}
