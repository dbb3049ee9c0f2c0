/* Makes every system call once, with arguments that mean nothing, each in a process of its own, and prints `number errno` (0: it succeeded; -1: it ended the process). */
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int word;

static long call(long number) {
  /* An operation that futex(2) doesn't know is ENOSYS by itself. */
  if (number == SYS_futex) return syscall(number, &word, 1, 1, 0, 0, 0);
  return syscall(number, -1L, -1L, -1L, -1L, -1L, -1L);
}

int main(void) {
  for (long number = 0; number < 512; number++) {
    int ends[2], result = -1;
    if (pipe(ends) != 0) return 1;
    pid_t child = fork();
    if (child == 0) {
      alarm(2);
      result = call(number) == -1 ? errno : 0;
      write(ends[1], &result, sizeof result);
      _exit(0);
    }
    close(ends[1]);
    if (read(ends[0], &result, sizeof result) != sizeof result) result = -1;
    close(ends[0]);
    waitpid(child, NULL, 0);
    printf("%ld %d\n", number, result);
  }
  return 0;
}
