#include "abi.h"
#include <sched.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/statfs.h>

/* What mount(2), its remounts and fsconfig(2) say of a whole file system, as /proc, statfs(2) and statmount(2) show it:
   sync, dirsync, mand, lazytime. */
#define PLACE "/tmp/synchronous"
enum { FLAG, CREATE = 6, RECONFIGURE };

static uint64_t reported(void) {
  struct { uint32_t size, spare; uint64_t mnt_id, param, ns; } q = {24, 0, 0, 1, 0};
  struct { uint32_t size, opts; uint64_t mask; uint32_t major, minor; uint64_t magic; uint32_t flags; uint32_t rest[300]; } r = {0};
  struct statx x;
  if (syscall(SYS_statx, AT_FDCWD, PLACE, 0, 0x4000, &x) != 0) return -1;
  memcpy(&q.mnt_id, (char *)&x + 0x90, 8);
  return syscall(457, &q, &r, sizeof r, 0) == 0 ? r.flags : -errno;
}
/* The options that the last line of PLACE has there, without those of tmpfs. */
static void line_of(const char *name, const char *marker) {
  char line[1000], shown[200] = "nothing";
  FILE *f = fopen(name, "r");
  while (fgets(line, sizeof line, f)) {
    char *at = strstr(line, " " PLACE " "), *from = at ? strstr(at, marker) : NULL;
    if (from != NULL) sscanf(from + strlen(marker), "%199s", shown);
  }
  fclose(f);
  char *more = strstr(shown, ",size=");
  if (more != NULL) *more = 0;
  printf("  %s: %s\n", name, shown);
}
static void show(void) {
  struct statfs s;
  statfs(PLACE, &s);
  line_of("/proc/self/mounts", " tmpfs "); line_of("/proc/self/mountinfo", " - tmpfs it ");
  printf("  statfs %lx, statmount %lx\n", (long)s.f_flags & 0x7f, (long)reported());
  fflush(stdout);
}
static void mounted(unsigned long flags) {
  SHOW(mount("it", PLACE, "tmpfs", flags, "size=64k")); show();
}
static void remounted(unsigned long flags) {
  SHOW(mount(NULL, PLACE, NULL, MS_REMOUNT | flags, "")); show();
}
static void picked(const char *const *flags) {
  int fd = syscall(433, AT_FDCWD, PLACE, 0);
  for (; *flags; flags++) SHOW(syscall(431, fd, FLAG, *flags, NULL, 0));
  SHOW(syscall(431, fd, RECONFIGURE, NULL, NULL, 0)); show();
  close(fd);
}

int main(void) {
  if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) != 0) return 1;
  mkdir(PLACE, 0755);
  mounted(MS_SYNCHRONOUS); umount(PLACE);
  mounted(MS_DIRSYNC | MS_NOSUID); umount(PLACE);
  mounted(MS_MANDLOCK | MS_LAZYTIME | MS_RDONLY); umount(PLACE);
  mounted(MS_SYNCHRONOUS | MS_DIRSYNC | MS_MANDLOCK | MS_LAZYTIME);
  remounted(0); remounted(MS_SYNCHRONOUS); remounted(MS_BIND | MS_LAZYTIME | MS_NODEV); remounted(MS_LAZYTIME | MS_RDONLY); remounted(MS_DIRSYNC);
  picked((const char *[]){"sync", "mand", NULL}); picked((const char *[]){"async", NULL}); picked((const char *[]){"nomand", "lazytime", "ro", NULL});
  picked((const char *[]){"nolazytime", NULL}); picked((const char *[]){"sync", "async", "rw", NULL});
  umount(PLACE);
  int fd = syscall(430, "tmpfs", 0);
  SHOW(syscall(431, fd, 1, "source", "it", 0)); SHOW(syscall(431, fd, FLAG, "dirsync", NULL, 0)); SHOW(syscall(431, fd, FLAG, "sync", NULL, 0));
  SHOW(syscall(431, fd, FLAG, "async", NULL, 0)); SHOW(syscall(431, fd, FLAG, "lazytime", NULL, 0)); SHOW(syscall(431, fd, CREATE, NULL, NULL, 0));
  int made = syscall(432, fd, 0, 0);
  SHOW(syscall(429, made, "", AT_FDCWD, PLACE, 4)); show();
  close(fd); fd = syscall(433, AT_FDCWD, PLACE, 0);
  /* What was said once is taken back by the next change, unless it is said again. */
  SHOW(syscall(431, fd, FLAG, "ro", NULL, 0)); SHOW(syscall(431, fd, FLAG, "sync", NULL, 0)); SHOW(syscall(431, fd, RECONFIGURE, NULL, NULL, 0)); show();
  SHOW(syscall(431, fd, FLAG, "sync", NULL, 0)); SHOW(syscall(431, fd, RECONFIGURE, NULL, NULL, 0)); show();
  SHOW(syscall(431, fd, RECONFIGURE, NULL, NULL, 0)); show();
  close(made); close(fd); umount(PLACE); SHOW(rmdir(PLACE));
  return 0;
}
