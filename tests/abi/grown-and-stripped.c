#include "abi.h"
#include <grp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/xattr.h>
#include <linux/capability.h>

/* Shared memory that grows beyond what it was made with, the set-group-ID bit of files whose access list goes, and access times that are strict. */
static int signal_of(char *at) {
  int status;
  if (fork() == 0) { *(volatile char *)at = 1; _exit(0); }
  wait(&status);
  return WTERMSIG(status);
}

static void growth(void) {
  printf("- grown\n"); fflush(stdout);
  char *room = mmap(NULL, 5 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *at = mmap(room, 2 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  at[0] = 'a'; at[4096] = 'b';
  SHOW(mremap(at, 2 * 4096, 4096, 0) == at); SHOW(mremap(at, 4096, 3 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED, room + 4096) == room + 4096);
  at = room + 4096; printf("  %c %c\n", at[0], at[4096]); SHOW(signal_of(at + 4096)); SHOW(signal_of(at + 2 * 4096));
  at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); at = mremap(at, 4096, 2 * 4096, MREMAP_MAYMOVE); SHOW(signal_of(at)); SHOW(signal_of(at + 4096)); SHOW(at[0]);
  int zero = open("/dev/zero", O_RDWR); at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, zero, 0); at = mremap(at, 4096, 2 * 4096, MREMAP_MAYMOVE); SHOW(signal_of(at)); SHOW(signal_of(at + 4096));
  at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); at = mremap(at, 4096, 2 * 4096, MREMAP_MAYMOVE); SHOW(signal_of(at + 4096));
}

static void lists(void) {
  printf("- without its list\n"); fflush(stdout);
  const char *path = "/dev/shm/stripped"; struct stat st;
  for (int turn = 0; turn < 4; turn++) {
    close(open(path, O_RDWR | O_CREAT, 0600)); chown(path, turn & 1 ? 77 : 0, turn & 1 ? 77 : 0); chmod(path, 02750);
    int status;
    if (fork() == 0) {
      struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3}; struct __user_cap_data_struct caps[2];
      setgroups(0, NULL);
      if (turn & 2) { syscall(SYS_capget, &head, caps); caps[0].effective &= ~(1u << CAP_FSETID); syscall(SYS_capset, &head, caps); }
      SHOW(removexattr(path, "system.posix_acl_access")); stat(path, &st); printf("  %d: %o\n", turn, st.st_mode & 07777); fflush(stdout);
      _exit(0);
    }
    wait(&status); unlink(path);
  }
}

static void times(void) {
  printf("- strict beside none\n"); fflush(stdout);
  mkdir("/tmp/strict", 0700);
  if (fork() == 0) {
    SHOW(mount("", "/tmp/strict", "tmpfs", MS_NOATIME | MS_STRICTATIME, ""));
    int fd = open("/tmp/strict/file", O_RDWR | O_CREAT, 0600); struct stat before, after; char byte; struct timespec old[2] = {{1000, 0}, {900, 0}};
    write(fd, "text", 4); futimens(fd, old); pread(fd, &byte, 1, 0); fstat(fd, &after); HOLDS(after.st_atime > 1000);
    futimens(fd, old); SHOW(mount("", "/tmp/strict", NULL, MS_REMOUNT | MS_BIND | MS_NOATIME, NULL)); pread(fd, &byte, 1, 0); fstat(fd, &after); HOLDS(after.st_atime > 1000);
    umount2("/tmp/strict", MNT_DETACH); _exit(0);
  }
  wait(NULL); rmdir("/tmp/strict");
}

int main(void) {
  growth(); lists(); times();
  return 0;
}
