#include "abi.h"
#include <sched.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <linux/nsfs.h>

/* ioctl_ns(2): numbers of namespaces, and pids translated from one to another. */
#define MNT_ID _IOR(NSIO, 0x5, uint64_t)
#define PID_FROM _IOR(NSIO, 0x6, int)
#define TGID_FROM _IOR(NSIO, 0x7, int)
#define PID_IN _IOR(NSIO, 0x8, int)
#define TGID_IN _IOR(NSIO, 0x9, int)

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  int mnt = open("/proc/self/ns/mnt", O_RDONLY), uts = open("/proc/self/ns/uts", O_RDONLY), own = open("/proc/self/ns/pid", O_RDONLY);
  uint64_t first = 0, second = 0;
  SHOW(ioctl(mnt, MNT_ID, &first)); HOLDS(first != 0); SHOW(ioctl(uts, MNT_ID, &first)); SHOW(ioctl(mnt, MNT_ID, (void *)1));
  SHOW(unshare(CLONE_NEWNS));
  int other = open("/proc/self/ns/mnt", O_RDONLY);
  SHOW(ioctl(other, MNT_ID, &second)); HOLDS(first != second);
  HOLDS(ioctl(own, PID_FROM, getpid()) == getpid()); HOLDS(ioctl(own, TGID_IN, getpid()) == getpid());
  SHOW(ioctl(own, PID_FROM, 999999)); SHOW(ioctl(own, PID_IN, 0)); SHOW(ioctl(own, PID_IN, -1)); SHOW(ioctl(mnt, PID_FROM, getpid()));
  SHOW(unshare(CLONE_NEWPID));
  int ready[2]; pipe(ready);
  pid_t child = fork();
  if (child == 0) { close(ready[1]); char c; read(ready[0], &c, 1); _exit(0); }
  int theirs = open("/proc/self/ns/pid_for_children", O_RDONLY);
  HOLDS(ioctl(theirs, PID_FROM, 1) == child); HOLDS(ioctl(theirs, TGID_FROM, 1) == child); SHOW(ioctl(theirs, PID_IN, child)); SHOW(ioctl(theirs, TGID_IN, child));
  SHOW(ioctl(theirs, PID_IN, getpid())); SHOW(ioctl(theirs, PID_FROM, 2));
  close(ready[1]); wait(NULL);
  return 0;
}
