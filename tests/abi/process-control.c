#include "abi.h"
#include <linux/capability.h>
#include <sys/prctl.h>

/* prctl(2): which arguments each option refuses, what the secure bits do, and when a process stops being dumpable. */

static struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
static struct __user_cap_data_struct sets[2];

static void capabilities(unsigned effective, unsigned permitted, unsigned inheritable) {
  memset(sets, 0, sizeof sets);
  sets[0].effective = effective; sets[0].permitted = permitted; sets[0].inheritable = inheritable;
  SHOW(syscall(SYS_capset, &header, sets));
}

static void show_capabilities(void) {
  syscall(SYS_capget, &header, sets);
  HOLDS(sets[0].effective != 0);
  HOLDS(sets[0].permitted != 0);
}

#define CHILD(body) do { int pid_ = fork(); if (pid_ == 0) { body; _exit(0); } int s_; waitpid(pid_, &s_, 0); SHOW(s_); } while (0)

static void arguments(void) {
  char name[16];
  SHOW(prctl(999, 1, 0, 0, 0)); SHOW(prctl(PR_SET_PDEATHSIG, -1L, 0, 0, 0)); SHOW(prctl(PR_SET_PDEATHSIG, 65, 0, 0, 0)); SHOW(prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0));
  int signal = 0; SHOW(prctl(PR_GET_PDEATHSIG, &signal, 0, 0, 0)); SHOW(signal); SHOW(prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0));
  SHOW(prctl(PR_SET_DUMPABLE, 2, 0, 0, 0)); SHOW(prctl(PR_SET_NAME, 8, 0, 0, 0)); SHOW(prctl(PR_SET_NAME, "a name of more than fifteen", 0, 0, 0)); SHOW(prctl(PR_GET_NAME, name, 0, 0, 0)); puts(name);
  SHOW(prctl(PR_SET_TIMING, 1, 0, 0, 0)); SHOW(prctl(PR_SET_TIMING, 0, 0, 0, 0)); SHOW(prctl(PR_GET_TIMING, 0, 0, 0, 0));
  SHOW(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0)); SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0)); SHOW(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0)); SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 1)); SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  SHOW(prctl(PR_SET_THP_DISABLE, 0, 1, 0, 0)); SHOW(prctl(PR_GET_THP_DISABLE, 1, 1, 0, 0)); SHOW(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)); SHOW(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0)); CHILD(SHOW(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0))); SHOW(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
  SHOW(prctl(PR_CAP_AMBIENT, -1L, 0, 0, 0)); SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0)); SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 1)); SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, -1L, 0, 0)); SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 41, 0, 0)); SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 1, 1, 0)); SHOW(prctl(PR_CAP_AMBIENT, 5, 1, 0, 0));
  SHOW(prctl(PR_CAPBSET_READ, 41, 0, 0, 0)); SHOW(prctl(PR_CAPBSET_DROP, 41, 0, 0, 0)); SHOW(prctl(PR_CAPBSET_READ, CAP_KILL, 0, 0, 0));
  SHOW(prctl(PR_SET_KEEPCAPS, 2, 0, 0, 0)); SHOW(prctl(PR_SET_CHILD_SUBREAPER, 7, 0, 0, 0)); int reaper; SHOW(prctl(PR_GET_CHILD_SUBREAPER, &reaper, 0, 0, 0)); SHOW(reaper); SHOW(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0));
  SHOW(prctl(PR_MCE_KILL, 1, 1, 0, 0)); SHOW(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0)); SHOW(prctl(PR_MCE_KILL, 1, 3, 0, 0)); SHOW(prctl(PR_MCE_KILL, 0, 1, 0, 0)); SHOW(prctl(PR_MCE_KILL_GET, 1, 0, 0, 0)); SHOW(prctl(PR_MCE_KILL, 0, 0, 0, 0)); SHOW(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
}

static void secure_bits(void) {
  SHOW(prctl(PR_SET_SECUREBITS, 0x200000, 0, 0, 0)); SHOW(prctl(PR_SET_SECUREBITS, 0x40, 0, 0, 0));
  capabilities(1 << CAP_SETPCAP | 1 << CAP_KILL, 1 << CAP_SETPCAP | 1 << CAP_KILL, 1 << CAP_KILL);
  SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0)); SHOW(prctl(PR_SET_SECUREBITS, 0, 0, 0, 0)); SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETPCAP, 0, 0)); SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0)); SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0));
  /* What is no more inheritable is no more ambient. */
  capabilities(1 << CAP_SETPCAP, 1 << CAP_SETPCAP | 1 << CAP_KILL, 0); SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0));
  SHOW(prctl(PR_SET_SECUREBITS, 0x30, 0, 0, 0)); SHOW(prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0)); SHOW(prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0)); SHOW(prctl(PR_SET_SECUREBITS, 0x20, 0, 0, 0)); SHOW(prctl(PR_SET_SECUREBITS, 0x10, 0, 0, 0)); SHOW(prctl(PR_SET_SECUREBITS, 0x34, 0, 0, 0)); SHOW(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
  capabilities(0, 0, 0); SHOW(prctl(PR_SET_SECUREBITS, 0x34, 0, 0, 0)); SHOW(prctl(PR_CAPBSET_DROP, 1, 0, 0, 0)); SHOW(prctl(PR_CAPBSET_DROP, 41, 0, 0, 0));
}

static void keeping(int bits) {
  SHOW(prctl(PR_SET_SECUREBITS, bits, 0, 0, 0)); SHOW(setresuid(1000, 1000, 1000)); show_capabilities(); SHOW(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
}

/* Who gave up root's identity still gets at its own descriptors, and at little else of its /proc. */
static void own_files(void) {
  char name[64]; int fd = open("/dev/null", O_RDWR); setuid(1000); SHOW(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)); sprintf(name, "/proc/self/fd/%d", fd); HOLDS(open(name, O_RDWR) >= 0); HOLDS(open("/proc/self/fd", O_RDONLY) >= 0); HOLDS(open("/proc/self/fdinfo", O_RDONLY) >= 0); HOLDS(open("/proc/self/maps", O_RDONLY) >= 0); HOLDS(readlink("/proc/self/exe", name, 60) > 0); SHOW(open("/proc/self/environ", O_RDONLY)); SHOW(open("/proc/self/comm", O_WRONLY)); SHOW(open("/proc/self/auxv", O_RDONLY));
}

static void dumpable(void) {
  SHOW(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)); SHOW(prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0)); SHOW(setgid(1000)); SHOW(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)); int signal; prctl(PR_GET_PDEATHSIG, &signal, 0, 0, 0); SHOW(signal);
  CHILD(SHOW(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0))); CHILD(own_files()); SHOW(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); SHOW(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)); SHOW(setuid(1000)); SHOW(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
}

int main(void) {
  CHILD(arguments()); CHILD(secure_bits()); CHILD(keeping(0)); CHILD(keeping(0x10)); CHILD(keeping(0x04)); CHILD(dumpable());
  return 0;
}
