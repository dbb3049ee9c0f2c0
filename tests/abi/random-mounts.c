/* Random calls on mounts: of tmpfs, overlays and other places, by names and by descriptors, in namespaces of their own. */
#include "random-calls.h"
#include <linux/openat2.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static const char *places[] = {"a", "b", "c", "a/x", "a/y", "b/x", "b/y", "a/x/z", "b/x/z", "c/l", "c/u", "c/w", "o", "a", "b", "o"};
static const char *names[] = {"a/f", "b/f", "a/x/f", "b/x/f", "c/l/f", "c/u/f", "o/f", "o/g", "o/h", "o/h/f", "o/e", "o/e/f", "o/s", "c/l/h", "c/l/h/f", "a/g", "b/g", "c/l/g", "c/u/g", "c/l2/g", "o/n"};
static const char *odd[] = {"s", "s/", "missing", "", ".", "..", "/", "f", "f/", "a/../b", "/tmp", "s/x", "a/.", "/tmp/a/x", "d", "proc", "proc/sys"};
static char *place(void) { return (char *)(one_in(9) ? ANY(odd) : ANY(places)); }
static char *name(void) { return (char *)(one_in(8) ? place() : ANY(names)); }
static int fds[10], is_deep;
static int fd(void) { return one_in(20) ? (one_in(2) ? AT_FDCWD : (int)below(30) - 2) : any_of(fds, COUNT_OF(fds)); }
static void keep(long opened) { keep_in(fds, COUNT_OF(fds), opened); }
/* Found before names lead elsewhere. */
static int proc_self;

static const unsigned long mount_flags[] = {MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME, MS_NODIRATIME, MS_RELATIME, MS_STRICTATIME,
  MS_SYNCHRONOUS, MS_DIRSYNC, MS_MANDLOCK, MS_SILENT, MS_LAZYTIME, 256, MS_POSIXACL, MS_RDONLY};
static const unsigned long propagations[] = {MS_SHARED, MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE};
static const unsigned long at_flags[] = {AT_EMPTY_PATH, AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, AT_NO_AUTOMOUNT, AT_RECURSIVE, 1};
/* Layers are changed by nobody else, and each upper one is another: what else is seen is left open (overlayfs). */
static const char *overlays[] = {"lowerdir=/tmp/l1,upperdir=/tmp/u%d,workdir=/tmp/w%d", "lowerdir=/tmp/l2:/tmp/l1,upperdir=/tmp/u%d,workdir=/tmp/w%d",
  "lowerdir=l1:l2,upperdir=u%d,workdir=w%d", "lowerdir=/tmp/l2:/tmp/l1", "lowerdir=l1", "lowerdir=missing:l1", "lowerdir=l1,upperdir=u%d,workdir=u%d", "lowerdir=l1,upperdir=u%d,workdir=u%d/x",
  "lowerdir=f", "bogus=1", "", "lowerdir=l1:o", "lowerdir=l1:l1", "lowerdir=o:/tmp/l2", "lowerdir=/tmp/l1:/tmp/l2,userxattr", "lowerdir=a/x,upperdir=u%d,workdir=a/y/w", "lowerdir=l1,upperdir=o,workdir=a/y/w"};
static const char *tmpfs_options[] = {"", "", "size=1m", "mode=700", "uid=1000,gid=1000", "nr_inodes=8", "bogus", "size=x", "mode=999", "ro", "size=64k,mode=0", "uid=-1", "huge=never", "mpol=default"};

static const char *word(char **at) { char *from = *at, *end = strchr(from, ' '); if (end) { *end = 0; *at = end + 1; } else *at = from + strlen(from); return from; }
static int number_in(long *seen, int *count, long value) {
  for (int i = 0; i < *count; i++) if (seen[i] == value) return i;
  if (*count < 200) seen[(*count)++] = value;
  return *count - 1;
}
static struct mounted { int at; long id, parent; char point[300], line[1200]; } mounted[200];
static int by_point(const void *a, const void *b) {
  const struct mounted *one = a, *other = b;
  int order = strcmp(one->point, other->point);
  return order ? order : one->at - other->at;
}
/* What is mounted, by its places, with numbers in the order in which they are told; only how much, where nobody asks. */
static int show_mounts(int is_told) {
  static long devices[200], groups[200];
  int count = 0, device_count = 0, group_count = 0;
  int opened = openat(proc_self, "mountinfo", O_RDONLY);
  FILE *file = fdopen(opened, "r");
  if (!file) return 0;
  while (count < 200 && fgets(mounted[count].line, sizeof mounted->line, file)) {
    struct mounted *m = &mounted[count];
    m->line[strcspn(m->line, "\n")] = 0;
    m->at = count++;
    sscanf(m->line, "%ld %ld %*s %*s %299s", &m->id, &m->parent, m->point);
  }
  fclose(file);
  if (!is_told) return count;
  qsort(mounted, count, sizeof *mounted, by_point);
  for (int at = 0; at < count; at++) {
    struct mounted *m = &mounted[at];
    char *rest = m->line;
    unsigned major = 0, minor = 0;
    word(&rest); word(&rest);
    sscanf(word(&rest), "%u:%u", &major, &minor);
    int above = -1;
    /* The lowest stands on one that nobody sees, or on itself. */
    for (int i = 0; i < count; i++) if (mounted[i].id == m->parent && i != at) above = i;
    printf("  %d on %d: %d", at, above, number_in(devices, &device_count, major * 1000000l + minor));
    for (const char *field = word(&rest); *field; field = word(&rest)) {
      const char *colon = strchr(field, ':');
      if (colon && (strncmp(field, "shared", 6) == 0 || strncmp(field, "master", 6) == 0 || strncmp(field, "propagate_from", 14) == 0))
        printf(" %.*s:%d", (int)(colon - field), field, number_in(groups, &group_count, atol(colon + 1)));
      else {
        printf(" ");
        for (const char *part = strtok((char *)field, ","), *before = ""; part; part = strtok(0, ","), before = ",")
          /* Overlays show so how a kernel is built. */
          if (strncmp(part, "redirect_dir=", 13) != 0 && strncmp(part, "uuid=", 5) != 0) printf("%s%s", before, part);
      }
    }
    printf("\n");
  }
  return count;
}
static void show_stat(const char *p) {
  struct stat s, other;
  const char *q = place();
  long r = told(lstat(p, &s), "lstat(\"%s\")", p);
  if (r != 0) return;
  printf("  mode %o size %ld uid %d links %ld", s.st_mode, S_ISDIR(s.st_mode) ? 0L : (long)s.st_size, (int)s.st_uid, S_ISDIR(s.st_mode) ? 0L : (long)s.st_nlink);
  struct statfs f, g;
  /* What numbers the files of an overlay have depends on xino. */
  if (stat(q, &other) == 0 && statfs(p, &f) == 0 && statfs(q, &g) == 0 && f.f_type != 0x794c7630 && g.f_type != 0x794c7630) printf(" device as %s %d file %d", q, s.st_dev == other.st_dev, s.st_dev == other.st_dev && s.st_ino == other.st_ino);
  unsigned long x[32] = {0};
  if (syscall(SYS_statx, AT_FDCWD, p, AT_SYMLINK_NOFOLLOW, 0xfff, x) == 0) printf(" attributes %lx", x[1] & 0x2000);
  printf("\n");
}
static int compare(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
static void list(const char *p) {
  static char bytes[1 << 14];
  char *found[100];
  int d = open(p, O_RDONLY | O_DIRECTORY), n = 0;
  told(d < 0 ? -1 : 0, "list \"%s\"", p);
  if (d < 0) return;
  struct statfs f;
  if (fstatfs(d, &f) == 0 && f.f_type != 0x9fa0) {
    long count = syscall(SYS_getdents64, d, bytes, sizeof bytes);
    for (long i = 0; i < count && n < 100; i += *(unsigned short *)(bytes + i + 16)) found[n++] = bytes + i + 18;
    qsort(found, n, sizeof *found, compare);
    for (int i = 0; i < n; i++) printf("  %s %d", found[i], found[i][-1]);
    printf("\n");
  }
  close(d);
}

static void step(void);
/* Steps of a child in a copy of the mounts. */
static void child(void) {
  int is_user = one_in(3), count = 1 + (int)below(8), ending = (int)below(5);
  printf("%ld child %d %d %d\n", call_number, is_user, count, ending);
  fflush(stdout);
  int pid = fork();
  if (pid == 0) {
    is_deep = 1;
    int uid = (int)geteuid();
    told(unshare(CLONE_NEWNS | (is_user ? CLONE_NEWUSER : 0)), "unshare(%d)", is_user);
    if (is_user && uid == 0) {
      static const char *maps[][2] = {{"setgroups", "deny"}, {"gid_map", "0 0 1"}, {"uid_map", "0 0 1"}};
      for (int i = 0; i < 3; i++) {
        char file[40];
        sprintf(file, "/proc/self/%s", maps[i][0]);
        int map = open(file, O_WRONLY);
        told(write(map, maps[i][1], strlen(maps[i][1])), maps[i][0]);
        close(map);
      }
    }
    proc_self = open("/proc/self", O_PATH);
    if (proc_self < 0) _exit(1);
    for (int i = 0; i < count; i++) step();
    const char *p = ANY(places), *q = one_in(3) ? p : name();
    switch (ending) {
    case 0: told(chroot(p), "chroot(\"%s\")", p); break;
    case 1: told(syscall(SYS_pivot_root, p, q), "pivot_root(\"%s\", \"%s\")", p, q); break;
    case 2: mount(p, p, 0, MS_BIND, 0); told(chdir(p), "chdir(\"%s\")", p); q = one_in(2) ? "." : "x"; if (told(syscall(SYS_pivot_root, ".", q), "pivot_root(\".\", \"%s\")", q) == 0) { int f = one_in(2) ? MNT_DETACH : 0; told(umount2(q, f), "umount2(\"%s\", %d)", q, f); } break;
    case 3: told(chroot(p), "chroot(\"%s\")", p); told(syscall(SYS_pivot_root, ".", "."), "pivot_root(\".\", \".\")"); told(unshare(CLONE_NEWUSER), "unshare"); break;
    default: break;
    }
    show_mounts(1);
    fflush(stdout);
    _exit(0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (status != 0) printf("  child ended with %d\n", status);
}

static void by_descriptor(void) {
  static const unsigned long attributes[] = {1, 2, 4, 8, 0x10, 0x20, 0x80, 0x200000, 0x40, 0x70, 0x100000};
  static const unsigned long moves[] = {1, 2, 4, 4, 4, 0x10, 0x20, 0x40, 0x100, 0x200, 0x400};
  char *p = place(), *q = place();
  int d = fd(), e = one_in(3) ? fd() : AT_FDCWD;
  switch (below(12)) {
  case 0: case 1: case 2: {
    unsigned long f = SOME(at_flags) | (one_in(3) ? 0 : 1) | (one_in(3) ? O_CLOEXEC : 0);
    if (one_in(2)) f &= ~(unsigned long)AT_RECURSIVE;
    if (one_in(4)) e = d, p = "";
    keep(told(syscall(428, e, p, f), "open_tree(%d, \"%s\", %#lx)", e, p, f));
    break;
  }
  case 3: case 4: case 5: {
    unsigned long f = one_in(2) ? 4 : SOME(moves);
    const char *from = f & 4 ? "" : p;
    int at = f & 4 ? d : e;
    if (one_in(6)) { f |= 0x40; told(syscall(429, at, from, d, "", f), "move_mount(%d, \"%s\", %d, \"\", %#lx)", at, from, d, f); }
    else told(syscall(429, at, from, AT_FDCWD, q, f), "move_mount(%d, \"%s\", -100, \"%s\", %#lx)", at, from, q, f);
    break;
  }
  case 6: case 7: {
    struct { unsigned long set, clear, propagation, space; } a = {SOME(attributes), SOME(attributes), one_in(3) ? ANY(propagations) : one_in(10) ? SOME(propagations) | one_in(3) : 0, one_in(12)};
    if (one_in(2)) a.clear |= a.set & 0x70 ? 0x70 : 0;
    unsigned long f = SOME(at_flags);
    if (one_in(2)) e = d, p = "", f |= AT_EMPTY_PATH;
    told(syscall(442, e, p, f, &a, one_in(12) ? 8 : sizeof a), "mount_setattr(%d, \"%s\", %#lx, {%#lx, %#lx, %#lx, %ld})", e, p, f, a.set, a.clear, a.propagation, a.space);
    break;
  }
  case 8: {
    static const char *types[] = {"tmpfs", "tmpfs", "overlay", "bogus", "", "proc.x"};
    const char *type = ANY(types);
    int f = one_in(4) ? (int)below(4) : 0;
    keep(told(syscall(430, type, f), "fsopen(\"%s\", %d)", type, f));
    break;
  }
  case 9: {
    static const char *keys[] = {"size", "mode", "source", "ro", "rw", "bogus", "uid", "nr_inodes"};
    static const char *values[] = {"1m", "700", "c/l", "x", "", "1000"};
    const char *key = ANY(keys), *value = ANY(values);
    int command = one_in(3) ? (int)below(10) - 1 : one_in(3) ? 0 : one_in(2) ? 1 : 6, shape = (int)below(12);
    if (command == 5 || command == 2) break;
    int has_key = command < 6, has_value = command >= 1 && command < 5 && command != 0;
    if (shape == 0) has_key = !has_key;
    if (shape == 1) has_value = !has_value;
    long aux = shape == 2 ? below(5) - 1 : command == 3 || command == 4 ? AT_FDCWD : 0;
    told(syscall(431, d, command, has_key ? key : 0, has_value ? value : 0, aux), "fsconfig(%d, %d, %s, %s, %ld)", d, command, has_key ? key : "0", has_value ? value : "0", aux);
    break;
  }
  case 10: {
    unsigned long a = one_in(2) ? 0 : SOME(attributes);
    int f = one_in(6) ? (int)below(4) : 0;
    keep(told(syscall(432, d, f, a), "fsmount(%d, %d, %#lx)", d, f, a));
    break;
  }
  default: {
    unsigned f = one_in(2) ? 0 : 1u << below(5);
    if (f == 8 && one_in(2)) e = d, p = "";
    keep(told(syscall(433, e, p, f), "fspick(%d, \"%s\", %#x)", e, p, f));
  }
  }
}

static void on_files(void) {
  char *p = name(), *q = name();
  int r;
  switch (below(20)) {
  case 0: case 1: case 2: {
    static const int how[] = {O_RDONLY, O_RDONLY, O_WRONLY | O_CREAT, O_RDWR | O_CREAT | O_EXCL, O_PATH, O_DIRECTORY, O_WRONLY | O_TRUNC, O_RDWR, O_TMPFILE | O_RDWR, O_PATH | O_NOFOLLOW};
    int f = ANY(how) | O_NONBLOCK;
    keep(told(open(p, f, 0644), "open(\"%s\", %#x)", p, f));
    break;
  }
  case 3: case 4: told(mkdir(p, 0755), "mkdir(\"%s\")", p); break;
  case 5: told(rmdir(p), "rmdir(\"%s\")", p); break;
  case 6: told(unlink(p), "unlink(\"%s\")", p); break;
  case 7: case 8: { unsigned f = one_in(2) ? 0 : (unsigned)below(8); told(syscall(SYS_renameat2, AT_FDCWD, p, AT_FDCWD, q, f), "rename(\"%s\", \"%s\", %u)", p, q, f); break; }
  case 9: told(link(p, q), "link(\"%s\", \"%s\")", p, q); break;
  case 10: told(symlink(q, p), "symlink(\"%s\", \"%s\")", q, p); break;
  case 11: { int device = one_in(2) ? 0 : 0x103; told(mknod(p, S_IFCHR | 0666, device), "mknod(\"%s\", %#x)", p, device); break; }
  case 12: told(chmod(p, one_in(2) ? 0755 : 0600), "chmod(\"%s\")", p); break;
  case 13: told(chown(p, 1000, -1), "chown(\"%s\")", p); break;
  case 14: { static const char *attributes[] = {"user.a", "trusted.a", "trusted.overlay.opaque", "security.a", "user.overlay.x", "trusted.overlay.opaque"}; const char *a = ANY(attributes);
    int what = (int)below(4); char value[20] = "y";
    if (what < 2) told(setxattr(p, a, "y", 1, 0), "setxattr(\"%s\", %s)", p, a);
    else if (what == 2) told(lgetxattr(p, a, value, 20), "getxattr(\"%s\", %s)", p, a);
    else { char names_of[300]; long n = told(llistxattr(p, names_of, 300), "listxattr(\"%s\")", p); if (n > 0) printf("  sum %x\n", sum_of(names_of, n)); }
    break; }
  case 15: { char *const args[] = {p, 0}; fflush(stdout); int pid = fork(); if (pid == 0) { told(execve(p, args, args), "execve(\"%s\")", p); fflush(stdout); _exit(0); } waitpid(pid, 0, 0); break; }
  case 16: { int d = fd(); char bytes[30] = ""; if (fcntl(d, F_GETFL) == -1) break;
    if (one_in(2)) told(write(d, "#!/no\n", 6), "write(%d)", d); else told(pread(d, bytes, 20, 0), "read(%d) %x", d, sum_of(bytes, 20));
    break; }
  case 17: { int d = fd(); struct stat s; if (fstat(d, &s) != 0 || !S_ISREG(s.st_mode)) break; void *m = mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, d, 0); told(m == MAP_FAILED ? -1 : 0, "mmap(%d)", d); if (m != MAP_FAILED) munmap(m, 4096); break; }
  case 18: told(truncate(p, below(3) * 100), "truncate(\"%s\")", p); break;
  default: r = open(p, O_WRONLY); if (r >= 0) write(r, "#!/none\n", 8), fchmod(r, 0755), close(r); told(r < 0 ? -1 : 0, "script \"%s\"", p);
  }
}

/* What later calls name, where others have moved or covered it. */
static void make_again(void) {
  static const char *folders[] = {"a", "b", "c", "o", "a/x", "a/y", "b/x", "b/y", "a/x/z", "b/x/z", "c/l", "c/u", "c/w", "c/l2", "c/l/h"};
  for (int i = 0; i < COUNT_OF(folders); i++) mkdir(folders[i], 0755);
  symlink("a", "s");
  close(open("f", O_CREAT | O_WRONLY, 0644));
  close(open("c/l/f", O_CREAT | O_WRONLY, 0644));
  close(open("c/l/h/f", O_CREAT | O_WRONLY, 0600));
  close(open("c/l2/g", O_CREAT | O_WRONLY, 0600));
}
static void step(void) {
  char *p = place(), *q = place();
  errno = 0;
  if (one_in(5)) make_again();
  int count = show_mounts(0);
  if (count > 40) {
    for (int i = 0; i < COUNT_OF(places); i++) while (umount2(places[i], MNT_DETACH) == 0);
    printf("%ld %d mounts, now %d\n", call_number, count, show_mounts(0));
  }
  errno = 0;
  switch (below(30)) {
  case 0: case 1: { unsigned long f = one_in(2) ? 0 : SOME(mount_flags); const char *o = ANY(tmpfs_options); told(mount("none", p, "tmpfs", f, o), "mount(tmpfs, \"%s\", %#lx, \"%s\")", p, f, o); break; }
  case 2: case 3: { unsigned long f = MS_BIND | (one_in(3) ? MS_REC : 0) | (one_in(4) ? SOME(mount_flags) : 0); if (one_in(12)) f |= ANY(propagations); told(mount(p, q, 0, f, 0), "mount(\"%s\", \"%s\", %#lx)", p, q, f); break; }
  case 4: told(mount(p, q, 0, MS_MOVE, 0), "move(\"%s\", \"%s\")", p, q); break;
  case 5: case 6: { unsigned long f = MS_REMOUNT | (one_in(3) ? 0 : MS_BIND) | SOME(mount_flags); const char *o = one_in(3) ? ANY(tmpfs_options) : ""; told(mount(0, p, 0, f, o), "remount(\"%s\", %#lx, \"%s\")", p, f, o); break; }
  case 7: case 8: case 9: { unsigned long f = one_in(15) ? SOME(propagations) | ANY(mount_flags) : ANY(propagations); if (one_in(3)) f |= MS_REC; if (one_in(15)) f |= MS_SILENT; told(mount(one_in(2) ? p : 0, p, 0, f, 0), "propagation(\"%s\", %#lx)", p, f); break; }
  case 10: case 11: case 12: {
    static const unsigned long flags[] = {MNT_FORCE, MNT_DETACH, MNT_DETACH, MNT_EXPIRE, MNT_EXPIRE, UMOUNT_NOFOLLOW, 16};
    int f = one_in(2) ? 0 : (int)SOME(flags);
    if (strcmp(p, "/") == 0 && !is_deep && !(f & MNT_DETACH)) break;
    /* All would be gone. */
    if ((p[0] == '/' || p[0] == '.' || strstr(p, "..")) && !is_deep) break;
    told(umount2(p, f), "umount2(\"%s\", %d)", p, f);
    break;
  }
  case 13: case 14: {
    static int upper;
    char o[100], folder[20];
    sprintf(o, ANY(overlays), upper, upper);
    if (strstr(o, "upper")) { sprintf(folder, "/tmp/u%d", upper), mkdir(folder, 0755), sprintf(folder, "/tmp/w%d", upper++), mkdir(folder, 0755); }
    unsigned long f = one_in(4) ? SOME(mount_flags) : 0; told(mount("over", one_in(3) ? p : "o", "overlay", f, o), "overlay(\"%s\", %#lx, \"%s\")", p, f, o); break; }
  case 15: case 16: case 17: by_descriptor(); break;
  case 18: case 19: case 20: case 21: on_files(); break;
  case 22: show_stat(one_in(2) ? p : name()); break;
  case 23: { struct statfs f; long r = told(statfs(p, &f), "statfs(\"%s\")", p); if (r == 0 && f.f_type != 0x9fa0) printf("  type %lx flags %lx blocks %ld files %ld\n", (long)f.f_type, (long)f.f_flags, f.f_blocks > 4096 ? -1 : (long)f.f_blocks, f.f_files > 1000 ? -1 : (long)f.f_files); break; }
  case 24: list(one_in(2) ? p : name()); break;
  case 25: {
    static const unsigned long resolve[] = {RESOLVE_NO_XDEV, RESOLVE_NO_XDEV, RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS};
    struct open_how how = {O_PATH, 0, SOME(resolve)};
    int d = one_in(3) ? fd() : AT_FDCWD;
    const char *n = name();
    keep(told(syscall(437, d, n, &how, sizeof how), "openat2(%d, \"%s\", %#llx)", d, n, how.resolve));
    break;
  }
  case 26: {
    int what = (int)below(6), d = fd();
    char folder[300] = "";
    if (what < 2) { int at = (int)below(COUNT_OF(fds)); told(close(fds[at]), "close(%d)", fds[at]); fds[at] = -1; }
    else if (what == 2) told(fchdir(d), "fchdir(%d)", d);
    else if (what == 3) told(chdir(p), "chdir(\"%s\")", p);
    else told(chdir("/tmp"), "chdir");
    long r = syscall(SYS_getcwd, folder, sizeof folder);
    printf("  %s %s\n", folder, r < 0 ? name_of(errno) : "");
    break;
  }
  case 27: if (one_in(geteuid() ? 1 : 6)) { int id = geteuid() ? 0 : 1000;  told(seteuid(id), "seteuid(%d)", id); } break;
  case 28: if (!is_deep && one_in(3)) child(); break;
  default: if (one_in(3)) { printf("%ld mounts\n", call_number); show_mounts(1); }
  }
}

int main(int argc, char **argv) {
  begin_as_root(argc, argv);
  for (int i = 0; i < COUNT_OF(fds); i++) fds[i] = -1;
  mkdir("d", 0755);
  mkdir("l1", 0755); mkdir("l1/h", 0755); mkdir("l2", 0755); mkdir("l2/e", 0700); mkdir("l1/e", 0755); symlink("f", "l1/s");
  close(open("l1/f", O_CREAT | O_WRONLY, 0644)); close(open("l1/h/f", O_CREAT | O_WRONLY, 0600)); close(open("l2/g", O_CREAT | O_WRONLY, 0600));
  close(open("l1/e/f", O_CREAT | O_WRONLY, 0600)); close(open("l2/f", O_CREAT | O_WRONLY, 0755));
  make_again();
  must((proc_self = open("/proc/self", O_PATH)) >= 0, "/proc/self");
  fcntl(proc_self, F_DUPFD, 900); int low = proc_self; proc_self = 900; close(low);
  for (call_number = 0; call_number < (argc > 2 ? calls_of(argc, argv) : 600); call_number++) { step(); fflush(stdout); }
  return 0;
}
