#include "abi.h"
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/utsname.h>
#include <sched.h>
/* Of a register that carries an int the upper half says nothing: strace's own tests fill it. What comes first of a structure's or a call's mistakes. */
#define FILL 0xdefaced000000000ul
#define ONES 0xffffffff00000000ul
static const unsigned long above[] = {0, 0x100000000ul, ONES, FILL, 0x7eadbeef00000000ul, 0x8000000000000000ul};
static void ignore(int s) { (void)s; }
int main(void) {
  signal(SIGUSR1, ignore); int me = getpid(), child, status; int null = open("/dev/null", O_RDWR), at = dup(null);
  for (unsigned i = 0; i < sizeof above / sizeof *above; i++) {
    unsigned long up = above[i]; char b[8]; struct rlimit l; struct sched_param p; char attr[64]; siginfo_t info;
    printf("-- %lx\n", up >> 32);
    SHOW(syscall(SYS_dup, up | 0xffffffff)); SHOW(syscall(SYS_dup, up | 77));
    int copy = syscall(SYS_dup, up | null); printf("dup: %d\n", copy == at + 1); close(copy);
    SHOW(syscall(SYS_flock, up | 0xffffffff, LOCK_SH)); SHOW(syscall(SYS_fsync, up | 0xffffffff)); SHOW(syscall(SYS_read, up | null, b, 1));
    SHOW(syscall(SYS_kill, up | (unsigned)me, up)); SHOW(syscall(SYS_kill, up | (unsigned)me, up | SIGUSR1)); SHOW(syscall(SYS_tkill, up | (unsigned)me, up));
    memset(&info, 0, sizeof info); info.si_signo = SIGUSR1; info.si_code = SI_QUEUE;
    SHOW(syscall(SYS_rt_tgsigqueueinfo, up | (unsigned)me, up | (unsigned)me, up | SIGUSR1, &info)); SHOW(syscall(SYS_rt_sigqueueinfo, up | (unsigned)me, up | SIGUSR1, &info));
    SHOW(syscall(SYS_rt_sigqueueinfo, up | (unsigned)me, up | 65, &info));
    SHOW(syscall(SYS_getpriority, up, up)); SHOW(syscall(SYS_setpriority, up, up, up)); SHOW(syscall(SYS_getpriority, up | 3, up));
    SHOW(syscall(SYS_sched_get_priority_max, up | SCHED_RR)); SHOW(syscall(SYS_sched_getparam, up, &p)); SHOW(syscall(SYS_sched_getattr, up, attr, up | 48, up));
    SHOW(syscall(SYS_sched_getattr, up, attr, up | 47, up)); SHOW(syscall(SYS_sched_setattr, up, attr, up)); SHOW(syscall(SYS_sched_setattr, up, attr, up | 1));
    SHOW(syscall(SYS_prlimit64, up, up | RLIMIT_NOFILE, NULL, &l)); SHOW(syscall(SYS_prlimit64, up, up | 16, NULL, &l)); SHOW(syscall(SYS_sethostname, "", up | 65));
    SHOW(syscall(SYS_lseek, up | null, 0, up)); SHOW(syscall(SYS_fcntl, up | null, up | F_GETFD)); SHOW(syscall(SYS_umask, up | 022)); SHOW(syscall(SYS_umask, up | 022));
    child = fork(); if (child == 0) { syscall(SYS_exit_group, up | 42); }
    SHOW(syscall(SYS_wait4, up | (unsigned)child, &status, up, NULL) == child); printf("ended with %x\n", status);
    child = fork(); if (child == 0) { syscall(SYS_exit, up | 43); }
    SHOW(syscall(SYS_waitid, up | P_PID, up | (unsigned)child, &info, up | WEXITED, NULL)); printf("ended with %d\n", info.si_status);
  }
  /* A place behind every file's end stays there. */
  int file = memfd_create("far", 0); printf("-- places\n");
  SHOW(syscall(SYS_pread64, file, &status, 1, 0x7ffffffffffff000l)); SHOW(syscall(SYS_pread64, file, &status, 1, 0x8000000000001000ul)); SHOW(syscall(SYS_lseek, file, 0xdefaced000000000ul, SEEK_SET));
  SHOW(syscall(SYS_munmap, 0x7ffffffffffff000l, 4096)); SHOW(syscall(SYS_mmap, 0, 0x7fffffff00001000l, 3, 0x22, -1, 0));
  printf("-- which mistake comes first\n");
  SHOW(syscall(SYS_sendfile, -1, -1, (void *)8, 1)); SHOW(syscall(SYS_sendfile, -1, -1, NULL, 1));
  long page = sysconf(_SC_PAGESIZE); char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); munmap(two + page, page);
  memset(two, 0, page); char *tail = two + page - 32; SHOW(syscall(SYS_openat2, AT_FDCWD, "/dev/null", tail, 48)); tail[31] = 1; SHOW(syscall(SYS_openat2, AT_FDCWD, "/dev/null", tail, 48));
  return 0;
}
