#include "abi.h"

/* What is said of a new name in the kernel's own file systems, where nothing can be made. */
int main(void) {
  static const char *const names[] = {"/proc/nothing",     "/proc/self/nothing", "/proc/self/fd/99", "/proc/sys/nothing",
                                      "/proc/self/ns/none", "/sys/nothing",       "/sys/class/none",  "/dev/pts/none"};
  for (unsigned at = 0; at < sizeof names / sizeof *names; at++) {
    const char *name = names[at];
    printf("- %s\n", name);
    SHOW(open(name, O_CREAT | O_WRONLY, 0644));
    SHOW(open(name, O_CREAT | O_EXCL | O_WRONLY, 0644));
    SHOW(mkdir(name, 0755));
    SHOW(symlink("there", name));
    SHOW(mknod(name, S_IFIFO | 0644, 0));
  }
  return 0;
}
