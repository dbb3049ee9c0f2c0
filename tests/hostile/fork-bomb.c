/* Forks until it is refused; every process then leaves. */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
  int refused = 0, made = 0;
  for (int i = 0; i < 100000 && !refused; i++) { pid_t pid = fork(); if (pid < 0) refused = errno; else if (pid == 0) { pause(); _exit(0); } else made++; }
  printf("refused: %d, many: %d\n", refused == EAGAIN || refused == ENOMEM, made > 100);
  fflush(stdout);
  return 0;
}
