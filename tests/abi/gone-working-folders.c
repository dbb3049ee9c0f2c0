#include "abi.h"

/* Where one works in a folder of /proc whose process is gone: what the folder is called, and what leads out of it. */
static void within(const char *below) {
  int wakes[2]; pipe(wakes); pid_t child = fork();
  if (child == 0) { char byte; close(wakes[1]); read(wakes[0], &byte, 1); _exit(0); }
  char path[80], name[200], deleted[200], link[50]; snprintf(path, 80, "/proc/%d%s", child, below);
  if (strcmp(below, "/task/TID") == 0) snprintf(path, 80, "/proc/%d/task/%d", child, child);
  printf("- %s\n", below); SHOW(chdir(path)); SHOW(syscall(SYS_getcwd, name, 200) > 0);
  int folder = open(".", O_RDONLY | O_DIRECTORY); snprintf(link, 50, "/proc/self/fd/%d", folder);
  kill(child, SIGKILL); siginfo_t info; waitid(P_PID, child, &info, WEXITED | WNOWAIT); SHOW(syscall(SYS_getcwd, name, 200) > 0);
  waitpid(child, NULL, 0); SHOW(syscall(SYS_getcwd, name, 200) > 0);
  memset(name, 0, 200); readlink("/proc/self/cwd", name, 199); snprintf(deleted, 200, "%s (deleted)", path); HOLDS(strcmp(name, deleted) == 0); HOLDS(strcmp(name, path) == 0);
  memset(name, 0, 200); readlink(link, name, 199); HOLDS(strcmp(name, deleted) == 0);
  SHOW(fchdir(folder)); SHOW(chdir(".")); SHOW(chdir("..")); SHOW(chdir("./..")); SHOW(syscall(SYS_getcwd, name, 200) > 0); SHOW(chdir(path)); SHOW(chroot("."));
  close(folder); close(wakes[0]); close(wakes[1]); chdir("/");
}

int main(void) {
  static const char *folders[] = {"", "/task", "/fd", "/net", "/task/TID", "/ns", "/attr", "/fdinfo"};
  for (int each = 0; each < 8; each++) { fflush(stdout); pid_t child = fork(); if (child == 0) { within(folders[each]); _exit(0); } waitpid(child, NULL, 0); }
  return 0;
}
