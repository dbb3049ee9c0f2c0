/* Signals that are taken by who waits for them: sigtimedwait(2), signalfd(2), and those that nobody takes. */
#include "abi.h"
#include <sys/signalfd.h>
int main(void) {
  sigset_t all;
  sigfillset(&all);
  int status;
  for (int way = 0; way < 2; way++) {
    /* SIGSTOP and SIGKILL do what they do, whether somebody waits for them in sigtimedwait or reads a descriptor */
    int child = fork();
    if (child == 0) {
      sigprocmask(SIG_BLOCK, &all, 0);
      struct signalfd_siginfo info;
      if (way == 0) _exit(sigtimedwait(&all, 0, 0));
      _exit(read(signalfd(-1, &all, 0), &info, sizeof info));
    }
    usleep(30000);
    syscall(SYS_tkill, child, SIGSTOP);
    SHOW(waitpid(child, &status, WUNTRACED) == child);
    printf("%x\n", status);
    syscall(SYS_tkill, child, SIGKILL);
    SHOW(waitpid(child, &status, 0) == child);
    printf("%x\n", status);
  }
}
