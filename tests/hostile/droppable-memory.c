/* What may be dropped goes before a process is ended: a child takes memory until it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#undef MAP_DROPPABLE
#define MAP_DROPPABLE 8
#define SIZE (16 << 20)
int main(void) {
  char *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_DROPPABLE | MAP_ANONYMOUS, -1, 0);
  char *kept = malloc(4096);
  memset(at, 5, SIZE); memset(kept, 6, 4096);
  pid_t pid = fork();
  if (pid == 0) { for (;;) { char *p = malloc(1 << 20); if (!p) _exit(1); memset(p, 1, 1 << 20); } }
  int status; waitpid(pid, &status, 0);
  printf("ended: %d\n", WIFSIGNALED(status) || WEXITSTATUS(status) == 1);
  long left = 0; for (long page = 0; page < SIZE; page += 4096) left += at[page] != 0;
  printf("dropped: %d, kept: %d\n", left < SIZE / 4096, kept[4095]);
  memset(at, 7, SIZE); printf("again: %d\n", at[SIZE - 1]);
  return 0;
}
