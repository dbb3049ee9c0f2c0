/* A child takes memory until it is ended; the parent goes on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
  pid_t pid = fork();
  if (pid == 0) { for (long total = 0;; total += 1 << 20) { char *p = malloc(1 << 20); if (!p) _exit(1); memset(p, 1, 1 << 20); } }
  int status; waitpid(pid, &status, 0);
  printf("ended: %d\n", WIFSIGNALED(status) || WEXITSTATUS(status) == 1);
  char *p = malloc(1 << 20); memset(p, 2, 1 << 20); puts("alive");
  return 0;
}
