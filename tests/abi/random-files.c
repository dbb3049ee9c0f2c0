/* Random calls on files: names, contents, permissions, locks, attributes, of root and of others. */
#include "random-calls.h"
#include <dirent.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <linux/openat2.h>
#include <linux/fs.h>

static const char *paths[] = {"a", "b", "c", "d", "d/a", "d/b", "d/e", "d/e/f", "s", "d/s", "a/", "d/", ".", "..", "d/..",
  "missing/x", "", "s/a", "./d/../a", "/tmp/b", "p", "d//b", "s/", "d/.", "/"};
static char *path(void) { return (char *)ANY(paths); }
static int fds[12];
/* Mostly one that is open. */
static int fd(void) {
  if (one_in(30)) return one_in(4) ? AT_FDCWD : (int)below(40) - 5;
  return any_of(fds, COUNT_OF(fds));
}
static void keep(long opened) { keep_in(fds, COUNT_OF(fds), opened); }
static const unsigned long open_flags[] = {O_WRONLY, O_RDWR, O_RDWR, O_CREAT, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_DIRECTORY, O_NOFOLLOW,
  O_PATH, O_TMPFILE, O_CLOEXEC, O_SYNC, O_DSYNC, O_NOATIME, O_ASYNC, O_WRONLY | O_RDWR, O_NOCTTY, 1u << 30, O_DIRECT};
static const int modes[] = {0, 0600, 0644, 0666, 0755, 0777, 01777, 04755, 02755, 06777, 0444, 0111, 0170000, 0100644, 0500};
static const long lengths[] = {0, 1, 7, 100, 4095, 4096, 4097, 10000, 65536, 1L << 20, 20L << 20, 1L << 40, -1, INT64_MIN};
static const int ids[] = {0, 0, 1000, 1000, 2000, -1};
static const char *names[] = {"user.a", "user.b", "trusted.a", "security.a", "system.a", "user.", "nothing", "", "system.posix_acl_access", "security.capability", "user.long"};
static char buffer[1 << 16];
static long at_flags(void) {
  static const unsigned long flags[] = {AT_SYMLINK_NOFOLLOW, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH, AT_REMOVEDIR, AT_NO_AUTOMOUNT, AT_EACCESS, 1};
  return one_in(2) ? 0 : (long)SOME(flags);
}
static void *memory(void) { return one_in(40) ? (void *)8 : buffer + (one_in(4) ? below(300) : 0); }
static long length(void) { return ANY(lengths); }
static long small(void) { long n = length(); return n < 0 || n > (1 << 15) ? below(1 << 15) : n; }
static void show_stat(const struct stat *s) {
  printf("  mode %o links %ld size %ld uid %d gid %d blocks %ld rdev %lx\n", s->st_mode, S_ISDIR(s->st_mode) ? 0L : (long)s->st_nlink,
         (long)s->st_size, (int)s->st_uid, (int)s->st_gid, (long)s->st_blocks, (long)s->st_rdev);
}
static int compare(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
static void list(int d) {
  static char bytes[1 << 15];
  char *found[100];
  lseek(d, 0, SEEK_SET);
  long count = syscall(SYS_getdents64, d, bytes, sizeof bytes);
  int n = 0;
  for (long i = 0; i < count; i += *(unsigned short *)(bytes + i + 16)) found[n++] = bytes + i + 18;
  qsort(found, n, sizeof *found, compare);
  for (int i = 0; i < n; i++) printf("  %s type %d\n", found[i], found[i][-1]);
}

/* Whether what has room but no data is a hole is the file system's (lseek(2)). */
static int has_room;

static void step(void) {
  char *p = path(), *q = path();
  int d = fd(), e = one_in(4) ? fd() : AT_FDCWD;
  long n = length(), m = small(), r;
  struct stat s;
  errno = 0;
  switch (below(62)) {
  case 0: case 1: case 2: case 3: case 4: {
    int flags = (int)SOME(open_flags) | O_NONBLOCK, mode = ANY(modes);
    keep(told(openat(e, p, flags, mode), "openat(%d, \"%s\", %#x, %o)", e, p, flags, mode));
    break;
  }
  case 5: case 6: memset(buffer, 'a' + below(26), m); { told(write(d, buffer, m), "write(%d, , %ld)", d, m); } break;
  case 7: case 8: { void *to = memory(); r = told(read(d, to, m), "read(%d, , %ld)", d, m); if (r > 0) printf("  sum %08x\n", sum_of(to, r)); break; }
  case 9: memset(buffer, 'A' + below(26), m); told(pwrite(d, buffer, m, n), "pwrite(%d, , %ld, %ld)", d, m, n); break;
  case 10: r = told(pread(d, buffer, m, n), "pread(%d, , %ld, %ld)", d, m, n); if (r > 0) printf("  sum %08x\n", sum_of(buffer, r)); break;
  case 11: case 12: { int how = (int)below(has_room ? 4 : 7) - 1; if (fstat(d, &s) == 0 && S_ISDIR(s.st_mode)) break; told(lseek(d, n, how), "lseek(%d, %ld, %d)", d, n, how); break; }
  case 13: told(ftruncate(d, n), "ftruncate(%d, %ld)", d, n); break;
  case 14: told(truncate(p, n), "truncate(\"%s\", %ld)", p, n); break;
  case 15: case 16: {
    int mode = (int)below(one_in(4) ? 256 : 4);
    long l = length();
    has_room |= told(fallocate(d, mode, n, l), "fallocate(%d, %#x, %ld, %ld)", d, mode, n, l) == 0;
    break;
  }
  case 17: case 18: { long f = at_flags(); int e2 = one_in(4) ? fd() : AT_FDCWD; told(linkat(e, p, e2, q, (int)f), "linkat(%d, \"%s\", %d, \"%s\", %#lx)", e, p, e2, q, f); break; }
  case 19: case 20: told(symlinkat(p, e, q), "symlinkat(\"%s\", %d, \"%s\")", p, e, q); break;
  case 21: case 22: case 23: { unsigned f = one_in(2) ? 0 : (unsigned)below(9); told(syscall(SYS_renameat2, e, p, AT_FDCWD, q, f), "renameat2(%d, \"%s\", -100, \"%s\", %u)", e, p, q, f); break; }
  case 24: case 25: { long f = at_flags(); told(unlinkat(e, p, (int)f), "unlinkat(%d, \"%s\", %#lx)", e, p, f); break; }
  case 26: told(rmdir(p), "rmdir(\"%s\")", p); break;
  case 27: case 28: { int mode = ANY(modes); told(mkdirat(e, p, mode), "mkdirat(%d, \"%s\", %o)", e, p, mode); break; }
  case 29: {
    static const unsigned kinds[] = {0, S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK, S_IFDIR, S_IFLNK};
    unsigned mode = ANY(kinds) | ANY(modes) % 010000, dev = one_in(2) ? 0x105 : (unsigned)below(1 << 20);
    told(mknodat(e, p, mode, dev), "mknodat(%d, \"%s\", %o, %#x)", e, p, mode, dev);
    break;
  }
  case 30: { int mode = ANY(modes); told(fchmod(d, mode), "fchmod(%d, %o)", d, mode); break; }
  case 31: { int mode = ANY(modes); long f = at_flags(); told(syscall(452, e, p, mode, f), "fchmodat2(%d, \"%s\", %o, %#lx)", e, p, mode, f); break; }
  case 32: case 33: { int u = ANY(ids), g = ANY(ids); long f = at_flags(); told(fchownat(e, p, u, g, (int)f), "fchownat(%d, \"%s\", %d, %d, %#lx)", e, p, u, g, f); break; }
  case 34: { int u = ANY(ids), g = ANY(ids); told(fchown(d, u, g), "fchown(%d, %d, %d)", d, u, g); break; }
  case 35: {
    static const long parts[] = {0, 1, 999999999, 1000000000, -1, UTIME_NOW, UTIME_OMIT};
    struct timespec t[2] = {{below(1000), ANY(parts)}, {below(1000), ANY(parts)}};
    long f = at_flags();
    const char *at = one_in(4) ? 0 : p;
    told(syscall(SYS_utimensat, at ? e : d, at, one_in(5) ? 0 : t, f), "utimensat(%d, \"%s\", {%ld}, {%ld}, %#lx)", at ? e : d, at ? at : "NULL", t[0].tv_nsec, t[1].tv_nsec, f);
    break;
  }
  case 36: case 37: { int mode = (int)below(9); long f = at_flags(); told(syscall(439, e, p, mode, f), "faccessat2(%d, \"%s\", %d, %#lx)", e, p, mode, f); break; }
  case 38: case 39: { long f = at_flags(); r = told(fstatat(e, p, &s, (int)f), "fstatat(%d, \"%s\", %#lx)", e, p, f); if (r == 0 && s.st_mode && strncmp(p, "/", 2) && strcmp(p, "..") ) show_stat(&s); break; }
  case 40: r = told(fstat(d, &s), "fstat(%d)", d); if (r == 0) show_stat(&s); break;
  case 41: r = told(readlinkat(e, p, buffer, one_in(3) ? below(6) : 4096), "readlinkat(%d, \"%s\")", e, p); if (r > 0 && buffer[0] != '/') printf("  %.*s\n", (int)r, buffer); break;
  case 42: keep(told(dup(d), "dup(%d)", d)); break;
  case 43: { int to = one_in(3) ? fd() : fds[below(12)]; int f = one_in(3) ? (int)below(2) * O_CLOEXEC + (int)below(2) : 0; told(dup3(d, to, f), "dup3(%d, %d, %#x)", d, to, f); break; }
  case 44: { int at = (int)below(12); told(close(fds[at]), "close(%d)", fds[at]); fds[at] = -1; break; }
  case 45: {
    static const int commands[] = {F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETOWN, F_GETLEASE, F_GETPIPE_SZ, F_GET_SEALS, 1035, 1036, F_DUPFD, F_DUPFD_CLOEXEC, F_GETSIG, F_SETSIG, 99, 1027, F_ADD_SEALS};
    static const long values[] = {0, 1, O_APPEND, O_NONBLOCK, O_APPEND | O_NONBLOCK, 70, -1, 15};
    int c = ANY(commands); long v = ANY(values);
    if (c == F_SETFL) v |= O_NONBLOCK;
    if (c >= 1035 && c <= 1040) v = one_in(4) ? 0 : (long)memory();
    if (c == F_DUPFD || c == F_DUPFD_CLOEXEC) keep(told(fcntl(d, c, v), "fcntl(%d, %d, %ld)", d, c, v));
    else told(fcntl(d, c, v), "fcntl(%d, %d, %ld)", d, c, c >= 1035 && c <= 1040 ? (v == 0 ? 0 : v == 8 ? 8L : 1L) : v);
    break;
  }
  case 46: {
    static const int commands[] = {F_GETLK, F_SETLK, F_OFD_GETLK, F_OFD_SETLK};
    struct flock l = {.l_type = (short)below(4), .l_whence = (short)below(4), .l_start = n, .l_len = length(), .l_pid = one_in(8)};
    int c = ANY(commands);
    struct flock was = l;
    r = fcntl(d, c, &l);
    told(r, "fcntl(%d, %d, {%d, %d, %ld, %ld, %d})", d, c, was.l_type, was.l_whence, (long)was.l_start, (long)was.l_len, was.l_pid);
    if (r == 0 && (c == F_GETLK || c == F_OFD_GETLK)) printf("  type %d whence %d start %ld len %ld pid %d\n", l.l_type, l.l_whence, (long)l.l_start, (long)l.l_len, l.l_pid > 0 ? 1 : l.l_pid);
    break;
  }
  case 47: { int how = (int)below(10) | LOCK_NB; told(flock(d, how), "flock(%d, %d)", d, how); break; }
  case 48: case 49: { const char *name = ANY(names); int f = (int)below(4); long size = one_in(8) ? 70000 : 1 + below(40); told(one_in(2) ? setxattr(p, name, buffer, size, f) : lsetxattr(p, name, buffer, size, f), "setxattr(\"%s\", \"%s\", , %ld, %d)", p, name, size, f); break; }
  case 50: { const char *name = ANY(names); long size = one_in(3) ? 0 : below(40); told(lgetxattr(p, name, buffer, size), "lgetxattr(\"%s\", \"%s\", , %ld)", p, name, size); break; }
  case 51: r = told(listxattr(p, buffer, one_in(3) ? 0 : one_in(3) ? 5 : 1000), "listxattr(\"%s\")", p); break;
  case 52: { const char *name = ANY(names); told(one_in(2) ? lremovexattr(p, name) : fremovexattr(d, name), "removexattr(\"%s\" %d, \"%s\")", p, d, name); break; }
  case 53: {
    static const unsigned long flags[] = {O_CREAT, O_RDWR, O_DIRECTORY, O_PATH, O_TRUNC, O_NOFOLLOW, O_TMPFILE, O_EXCL, 1u << 30};
    static const unsigned long resolve[] = {RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV, 64};
    struct open_how how[3] = {{SOME(flags) | O_NONBLOCK, one_in(2) ? 0 : ANY(modes), SOME(resolve)}};
    how[1].mode = one_in(2);
    long size = one_in(10) ? below(60) : (long)sizeof *how;
    keep(told(syscall(437, e, p, how, size), "openat2(%d, \"%s\", {%#llx, %llo, %#llx}, %ld)", e, p, how->flags, how->mode, how->resolve, size));
    break;
  }
  case 54: {
    loff_t from = below(5000), to = below(5000), *f = one_in(2) ? &from : 0, *t = one_in(2) ? &to : 0;
    int out = fd();
    unsigned flags = (unsigned)one_in(9);
    long at = f ? from : -1, into = t ? to : -1;
    r = copy_file_range(d, f, out, t, m, flags);
    told(r, "copy_file_range(%d, %ld, %d, %ld, %ld, %u)", d, at, out, into, m, flags);
    break;
  }
  case 55: { off_t from = below(5000), *f = one_in(2) ? &from : 0; int out = fd(); long at = f ? from : -1;
    /* Pages that a pipe shares with a file change with it, as those of a file that is sent to itself. */
    struct stat source;
    if (fstat(out, &s) == 0 && (S_ISFIFO(s.st_mode) || (fstat(d, &source) == 0 && source.st_ino == s.st_ino))) break;
    r = sendfile(out, d, f, m); told(r, "sendfile(%d, %d, %ld, %ld)", out, d, at, m); break; }
  case 56: {
    int u = one_in(3) ? 1000 : 0;
    if (seteuid(0) || setegid(one_in(3) ? 1000 : 0)) printf("  egid\n");
    told(seteuid(u), "seteuid(%d) egid %d", u, (int)getegid());
    break;
  }
  case 57: {
    struct iovec v[3] = {{buffer, 1 + (size_t)below(5000)}, {one_in(20) ? (void *)8 : buffer + 5000, (size_t)below(5000)}, {buffer + 10000, one_in(20) ? (size_t)-1 : (size_t)below(100)}};
    int count = one_in(10) ? (int)below(1100) - 20 : (int)below(4), flags = one_in(2) ? 0 : 1 << below(8);
    if (count > 3) count = 1025;
    if (one_in(2)) told(pwritev2(d, v, count, n, flags), "pwritev2(%d, {%ld, %ld, %ld}, %d, %ld, %#x)", d, v[0].iov_len, v[1].iov_len, v[2].iov_len, count, n, flags);
    else told(preadv2(d, v, count, n, flags), "preadv2(%d, {%ld, %ld, %ld}, %d, %ld, %#x)", d, v[0].iov_len, v[1].iov_len, v[2].iov_len, count, n, flags);
    break;
  }
  case 58: { r = told(one_in(2) ? fchdir(d) : chdir(one_in(2) ? "/tmp" : p), "chdir(%d, \"%s\")", d, p); break; }
  case 59: {
    struct statfs f;
    r = told(fstatfs(d, &f), "fstatfs(%d)", d);
    if (r == 0 && f.f_type == 0x01021994) printf("  blocks %ld free %ld files %ld\n", (long)f.f_blocks, (long)f.f_bfree, (long)f.f_files);
    break;
  }
  case 60: {
    static const unsigned long requests[] = {FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, FIGETBSZ, FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FICLONE, TCGETS, 0x5450, BLKGETSIZE64, FIOQSIZE, FS_IOC_FSGETXATTR, FITRIM};
    unsigned long what = ANY(requests);
    long value = one_in(4) ? 1 : 0;
    if (what == FIONBIO) value = 1;
    told(ioctl(d, what, what == FICLONE ? (void *)(long)fd() : (void *)&value), "ioctl(%d, %#lx)", d, what);
    break;
  }
  case 61: if (fstat(d, &s) == 0 && S_ISDIR(s.st_mode) && s.st_ino != 1 && fcntl(d, F_GETFL) != -1) { struct statfs f; if (fstatfs(d, &f) == 0 && f.f_type == 0x01021994) { printf("%ld list %d\n", call_number, d); list(d); } } break;
  }
}

int main(int argc, char **argv) {
  begin(argc, argv);
  for (int i = 0; i < 12; i++) fds[i] = -1;
  mkdir("d", 0777); chmod("d", 0777); mkdir("d/e", 0755); symlink("d", "s"); symlink("e", "d/s"); mkfifo("p", 0666);
  fds[0] = open("a", O_RDWR | O_CREAT, 0666); fds[1] = open("b", O_RDWR | O_CREAT, 0666); fds[2] = open("d", O_DIRECTORY); fds[3] = open("p", O_RDWR | O_NONBLOCK);
  for (call_number = 0; call_number < calls_of(argc, argv); call_number++) { step(); fflush(stdout); }
  return 0;
}
