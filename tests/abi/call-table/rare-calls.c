/* Calls that hardly a program makes by name, with what the manual pages say of them; of riscv64 alone, so there is no Linux to compare with. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_futex_requeue
#define SYS_futex_requeue 456
#endif
#ifndef SYS_riscv_hwprobe
#define SYS_riscv_hwprobe 258
#endif

static void show(const char *name, long result) {
  printf("%s %ld\n", name, result < 0 ? -(long)errno : result);
}

int main(void) {
  struct { int64_t key; uint64_t value; } probes[2] = {{4, 0}, {1 << 20, 0}};
  show("riscv_hwprobe", syscall(SYS_riscv_hwprobe, probes, 2, 0, NULL, 0));
  printf("ima %llu, unknown %lld\n", (unsigned long long)(probes[0].value & 3), (long long)probes[1].key);
  show("riscv_flush_icache", syscall(SYS_riscv_flush_icache, 0, 0, 0));
  show("restart_syscall", syscall(SYS_restart_syscall));

  int fd = open("/tmp/rare", O_RDWR | O_CREAT, 0600);
  struct iovec vector = {"rare", 4};
  show("pwritev2", syscall(SYS_pwritev2, fd, &vector, 1, 0, 0, 0));
  char bytes[8] = "";
  struct iovec back = {bytes, 8};
  show("preadv2", syscall(SYS_preadv2, fd, &back, 1, 0, 0, 0));
  show("syncfs", syscall(SYS_syncfs, fd));
  show("fchmodat2", syscall(SYS_fchmodat2, AT_FDCWD, "/tmp/rare", 0640, AT_SYMLINK_NOFOLLOW));
  struct stat status;
  stat("/tmp/rare", &status);
  printf("%s, mode %o\n", bytes, status.st_mode & 07777);
  show("lsetxattr", syscall(SYS_lsetxattr, "/tmp/rare", "user.rare", "v", 1, 0));
  show("faccessat2", syscall(SYS_faccessat2, AT_FDCWD, "/tmp/rare", R_OK, AT_EACCESS));

  long self = syscall(SYS_pidfd_open, getpid(), 0);
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct iovec range = {page, 4096};
  show("process_madvise", syscall(SYS_process_madvise, self, &range, 1, 20 /* MADV_COLD */, 0));
  show("process_mrelease", syscall(SYS_process_mrelease, self, 0));
  show("mlock2", syscall(SYS_mlock2, page, 4096, 1));
  uint32_t words[2] = {5, 5};
  struct { uint64_t value, address; uint32_t flags, reserved; } waiters[2] = {{5, (uintptr_t)&words[0], 2 | 128, 0}, {5, (uintptr_t)&words[1], 2 | 128, 0}};
  show("futex_requeue", syscall(SYS_futex_requeue, waiters, 0, 1, 1));
  waiters[0].value = 6;
  show("futex_requeue", syscall(SYS_futex_requeue, waiters, 0, 1, 1));
  uint64_t pending = 1;
  show("rt_sigpending", syscall(SYS_rt_sigpending, &pending, 8));
  show("io_cancel", syscall(SYS_io_cancel, -1L, NULL, NULL) == -1 && (errno == EINVAL || errno == EFAULT) ? 0 : 1);
  show("io_pgetevents", syscall(SYS_io_pgetevents, -1L, 0, 1, NULL, NULL, NULL));
  show("mq_getsetattr", syscall(SYS_mq_getsetattr, -1, NULL, NULL));
  return 0;
}
