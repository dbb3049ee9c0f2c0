#include "abi.h"

/* A parent that waits for its vfork: which signals end that. */
static pid_t begin(int *child) {
  int told[2]; pipe(told); fflush(stdout); pid_t parent = fork();
  if (parent == 0) {
    pid_t made = vfork();
    if (made == 0) { pid_t own = getpid(); write(told[1], &own, sizeof own); for (;;) pause(); }
    _exit(1);
  }
  read(told[0], child, sizeof *child); close(told[0]); close(told[1]); return parent;
}
static void handler(int s) { (void)s; }
static void end_of(pid_t parent, const char *what) {
  int ended = 0, status = 0; for (int tries = 0; tries < 500 && !ended; tries++) { ended = waitpid(parent, &status, WNOHANG) == parent; usleep(10000); }
  printf("%s: ended %d, by %d\n", what, ended, WTERMSIG(status)); fflush(stdout);
}
int main(void) {
  int child, status = 0; pid_t parent;
  parent = begin(&child); kill(parent, SIGKILL); end_of(parent, "SIGKILL"); SHOW(kill(child, SIGKILL));
  parent = begin(&child); kill(parent, SIGUSR1); end_of(parent, "a signal that ends processes"); SHOW(kill(child, SIGKILL));
  signal(SIGUSR1, handler); parent = begin(&child); kill(parent, SIGUSR1); usleep(50000); SHOW(waitpid(parent, &status, WNOHANG)); kill(child, SIGKILL); end_of(parent, "one with a handler, when the child is gone");
  parent = begin(&child); kill(parent, SIGQUIT); usleep(50000); SHOW(waitpid(parent, &status, WNOHANG)); kill(child, SIGKILL); end_of(parent, "one that leaves a core");
  return 0;
}
