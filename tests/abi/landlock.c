#include "abi.h"
#include <arpa/inet.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>

/* What a process gives up by landlock(7), on trees, files, ports, names and signals; then rulesets by chance on one tree. */
struct ruleset { unsigned long fs, net, scoped; };
struct beneath { unsigned long allowed; int fd; } __attribute__((packed));
struct port { unsigned long allowed, port; };
enum { EXECUTE = 1, WRITE_FILE = 2, READ_FILE = 4, READ_DIR = 8, REMOVE_DIR = 16, REMOVE_FILE = 32, MAKE_CHAR = 64, MAKE_DIR = 128, MAKE_REG = 256, MAKE_SOCK = 512, MAKE_FIFO = 1024, MAKE_BLOCK = 2048, MAKE_SYM = 4096, REFER = 8192, TRUNCATE = 16384, IOCTL_DEV = 32768 };
#define OF_FILES (EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV)
static long create(const void *attr, size_t size, unsigned flags) { return syscall(SYS_landlock_create_ruleset, attr, size, flags); }
static long add(int fd, int type, const void *attr, unsigned flags) { return syscall(SYS_landlock_add_rule, fd, type, attr, flags); }
static long restrict_self(int fd, unsigned flags) { return syscall(SYS_landlock_restrict_self, fd, flags); }
static int handling(unsigned long fs, unsigned long net, unsigned long scoped) { struct ruleset r = {fs, net, scoped}; return create(&r, sizeof r, 0); }
static long allow(int fd, const char *path, unsigned long rights) { struct beneath b = {rights, open(path, O_PATH | O_CLOEXEC)}; long r = add(fd, 1, &b, 0); int e = errno; close(b.fd); errno = e; return r; }
static long allow_port(int fd, unsigned long port, unsigned long rights) { struct port p = {rights, port}; return add(fd, 2, &p, 0); }
static void take(int fd) { restrict_self(fd, 0); close(fd); }
#define CHILD(...) do { fflush(stdout); pid_t p_ = fork(); if (p_ == 0) { __VA_ARGS__; fflush(stdout); _exit(0); } int s_; waitpid(p_, &s_, 0); if (s_) printf("status %x\n", s_); } while (0)

static long opened(const char *path, int flags) { int fd = open(path, flags, 0600); if (fd < 0) return -1; close(fd); return 0; }
static long cut(const char *path, int flags) { int fd = open(path, flags); if (fd < 0) return -1; long r = ftruncate(fd, 1); int e = errno; close(fd); errno = e; return r; }
static void put(const char *path) { int fd = open(path, O_CREAT | O_WRONLY, 0700); write(fd, "text", 4); close(fd); }

static int gone(const char *path, const struct stat *st, int type, struct FTW *at) { return remove(path); }
static void tree(void) {
  nftw("r", gone, 8, FTW_DEPTH | FTW_PHYS);
  const char *folders[] = {"r", "r/a", "r/a/b", "r/a/b/c", "r/x", "r/x/y"}; for (int i = 0; i < 6; i++) mkdir(folders[i], 0755);
  put("r/f"); put("r/a/f"); put("r/a/b/f"); put("r/a/b/c/f"); put("r/x/f"); put("r/x/y/f");
}

static void arguments(void) {
  printf("- arguments\n"); struct ruleset r = {READ_FILE, 0, 0}; char large[4097] = {READ_FILE};
  HOLDS(create(NULL, 0, 1) >= 6); SHOW(create(&r, 0, 1)); SHOW(create(NULL, 8, 1)); SHOW(create(NULL, 0, 64)); SHOW(create(NULL, 0, 0)); SHOW(create(NULL, 8, 0));
  SHOW(create(&r, 0, 0)); SHOW(create(&r, 7, 0)); SHOW(create((void *)8, 8, 0)); SHOW(create(large, 4097, 0)); SHOW(create(large, -1, 0));
  large[100] = 1; SHOW(create(large, 101, 0)); large[100] = 0; SHOW(close(create(large, 101, 0)));
  SHOW(handling(0, 0, 0)); SHOW(handling(1ul << 40, 0, 0)); SHOW(handling(1ul << 63, 0, 0)); SHOW(handling(0, 1ul << 40, 0)); SHOW(handling(0, 0, 1ul << 40));
  int fd = handling(READ_FILE | MAKE_DIR, 1, 0), other = open("/", O_RDONLY), path = open("/", O_PATH), p[2]; pipe(p);
  struct beneath b = {READ_FILE, other}; struct port at = {1, 80};
  SHOW(fcntl(fd, F_GETFD)); SHOW(read(fd, large, 1)); SHOW(write(fd, large, 1)); SHOW(lseek(fd, 0, SEEK_SET));
  SHOW(add(fd, 1, &b, 1)); SHOW(add(-1, 1, &b, 0)); SHOW(add(other, 1, &b, 0)); SHOW(add(path, 1, &b, 0)); SHOW(add(fd, 0, &b, 0)); SHOW(add(fd, 3, &b, 0)); SHOW(add(fd, 1, NULL, 0)); SHOW(add(fd, 2, (void *)8, 0));
  b.allowed = 0; SHOW(add(fd, 1, &b, 0)); b.allowed = READ_DIR; SHOW(add(fd, 1, &b, 0)); b.allowed = 1ul << 50; SHOW(add(fd, 1, &b, 0));
  b.allowed = READ_FILE; b.fd = -1; SHOW(add(fd, 1, &b, 0)); b.fd = fd; SHOW(add(fd, 1, &b, 0)); b.fd = p[0]; SHOW(add(fd, 1, &b, 0)); b.fd = path; SHOW(add(fd, 1, &b, 0)); b.fd = syscall(SYS_memfd_create, "m", 0); SHOW(add(fd, 1, &b, 0));
  b.fd = open("r/f", O_PATH); SHOW(add(fd, 1, &b, 0)); b.allowed = MAKE_DIR; SHOW(add(fd, 1, &b, 0)); b.fd = open("/proc/self/ns/net", O_PATH); b.allowed = READ_FILE; SHOW(add(fd, 1, &b, 0));
  at.allowed = 0; SHOW(add(fd, 2, &at, 0)); at.allowed = 2; SHOW(add(fd, 2, &at, 0)); at.allowed = 1; at.port = 65536; SHOW(add(fd, 2, &at, 0)); at.port = 0; SHOW(add(fd, 2, &at, 0)); at.port = 1ul << 60; SHOW(add(fd, 2, &at, 0));
  SHOW(restrict_self(-1, 0)); SHOW(restrict_self(other, 0)); SHOW(restrict_self(path, 0)); SHOW(restrict_self(fd, 1u << 31));
  CHILD({ for (int i = 0; i < 16; i++) if (restrict_self(fd, 0)) printf("layer %d: %s\n", i, name_of(errno)); SHOW(restrict_self(fd, 0)); });
  CHILD({ setuid(1000); SHOW(restrict_self(fd, 0)); SHOW(restrict_self(-1, 0)); prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); SHOW(restrict_self(fd, 0)); });
}

static void device(void) {
  printf("- devices\n"); int before = open("/dev/null", O_RDONLY); long n;
  CHILD({ int fd = handling(IOCTL_DEV, 0, 0); take(fd); int null = open("/dev/null", O_RDONLY), file = open("r/f", O_RDONLY), p[2]; pipe(p); int on = 1;
    SHOW(ioctl(null, FIONREAD, &n)); SHOW(ioctl(null, FIONBIO, &on)); SHOW(ioctl(null, FIOCLEX)); SHOW(ioctl(null, 2, &n)); SHOW(ioctl(null, 0x5460, &n)); SHOW(ioctl(before, 0x1234, &n)); SHOW(ioctl(null, 0x1234, &n)); SHOW(ioctl(file, FIONREAD, &n)); SHOW(ioctl(p[0], FIONREAD, &n)); });
  CHILD({ int fd = handling(IOCTL_DEV, 0, 0); SHOW(allow(fd, "/dev", IOCTL_DEV)); take(fd); int null = open("/dev/null", O_RDONLY); SHOW(ioctl(null, 0x1234, &n)); });
}

static void mounts(void) {
  printf("- mounts\n");
  CHILD({ int fd = handling(MAKE_SYM, 0, 0); take(fd); SHOW(mount("none", "r/a", "tmpfs", 0, "")); SHOW(umount("r/a")); SHOW(umount("/nothing")); SHOW(mount("none", "/", NULL, MS_REMOUNT | MS_BIND, NULL)); SHOW(syscall(SYS_pivot_root, ".", ".")); SHOW(mount("r", "r", NULL, MS_BIND, NULL)); });
  CHILD({ int fd = handling(0, 1, 0); take(fd); SHOW(unshare(0x20000)); SHOW(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)); SHOW(mount("none", "r/a", "tmpfs", 0, "")); });
  CHILD({ unshare(0x20000); mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL); mkdir("m", 0700); mount("none", "m", "tmpfs", 0, ""); put("m/f"); mkdir("m/d", 0700); put("m/d/f");
    mount("m/d", "r/x", NULL, MS_BIND, NULL); int fd = handling(READ_FILE, 0, 0); SHOW(allow(fd, "r", READ_FILE)); take(fd);
    SHOW(opened("r/x/f", O_RDONLY)); SHOW(opened("m/d/f", O_RDONLY)); SHOW(opened("m/f", O_RDONLY)); SHOW(opened("r/f", O_RDONLY)); });
  CHILD({ unshare(0x20000); mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL); mount("none", "r/a", "tmpfs", 0, ""); put("r/a/f"); int fd = handling(READ_FILE, 0, 0); SHOW(allow(fd, "r/a", READ_FILE)); take(fd); SHOW(opened("r/a/f", O_RDONLY)); });
  rmdir("m");
}

static void descriptors(void) {
  printf("- what was open, and has no place\n"); int file = open("r/f", O_RDWR), p[2], memory = syscall(SYS_memfd_create, "m", 0), s = socket(AF_UNIX, SOCK_STREAM, 0); pipe(p); char own[64];
  CHILD({ take(handling(0xffff, 0, 0)); SHOW(ftruncate(file, 4)); SHOW(write(file, "text", 4)); SHOW(ftruncate(memory, 4)); sprintf(own, "/proc/self/fd/%d", memory); SHOW(opened(own, O_RDWR)); sprintf(own, "/proc/self/fd/%d", p[0]); SHOW(opened(own, O_RDONLY)); sprintf(own, "/proc/self/fd/%d", file); SHOW(opened(own, O_RDONLY));
    SHOW(opened("/proc/self/ns/net", O_RDONLY)); SHOW(opened("r", O_PATH)); struct stat st; SHOW(stat("r/f", &st)); SHOW(access("r/f", R_OK)); SHOW(chmod("r/f", 0600)); SHOW(chdir("r")); SHOW(pipe(p)); SHOW(opened("f", O_RDONLY)); struct sockaddr_un a = {AF_UNIX, "bound"}; SHOW(bind(s, (void *)&a, sizeof a)); });
  CHILD({ int fd = handling(TRUNCATE | WRITE_FILE, 0, 0); SHOW(allow(fd, "r/a", WRITE_FILE)); take(fd); SHOW(cut("r/a/f", O_WRONLY)); SHOW(truncate("r/a/f", 1)); SHOW(opened("r/a/f", O_WRONLY | O_TRUNC)); SHOW(opened("r/a/f", O_RDONLY | O_TRUNC)); SHOW(opened("r/a/new", O_CREAT | O_WRONLY | O_TRUNC)); SHOW(opened("r/f", O_WRONLY)); SHOW(opened("r/a", O_TMPFILE | O_RDWR)); SHOW(opened("r", O_TMPFILE | O_RDWR)); });
  CHILD({ int fd = handling(EXECUTE, 0, 0); SHOW(allow(fd, "r/a", EXECUTE)); take(fd); char *none[] = {"f", NULL}; SHOW(execv("r/f", none)); SHOW(execv("r/a/f", none)); SHOW(execv("r", none)); });
}

static long bound(int type, int family, int port) { int s = socket(family, type, 0), one = 1; setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one); struct sockaddr_in a = {family, htons(port)}; struct sockaddr_in6 b = {AF_INET6, htons(port)}; long r = family == AF_INET6 ? bind(s, (void *)&b, sizeof b) : bind(s, (void *)&a, sizeof a); int e = errno; close(s); errno = e; return r; }
static long reached(int type, int port) { int s = socket(AF_INET, type, 0); struct sockaddr_in a = {AF_INET, htons(port), {htonl(INADDR_LOOPBACK)}}; long r = connect(s, (void *)&a, sizeof a); int e = errno; close(s); errno = e; return r; }

static void ports(void) {
  printf("- ports\n");
  CHILD({ int fd = handling(0, 3, 0); SHOW(allow_port(fd, 40123, 1)); SHOW(allow_port(fd, 40124, 2)); take(fd);
    SHOW(bound(SOCK_STREAM, AF_INET, 40123)); SHOW(bound(SOCK_STREAM, AF_INET6, 40123)); SHOW(bound(SOCK_STREAM, AF_INET, 40124)); SHOW(bound(SOCK_STREAM, AF_INET, 0)); SHOW(bound(SOCK_DGRAM, AF_INET, 40124));
    SHOW(reached(SOCK_STREAM, 40123)); SHOW(reached(SOCK_STREAM, 40124)); SHOW(reached(SOCK_DGRAM, 40123)); int s = socket(AF_INET, SOCK_STREAM, 0); struct sockaddr a = {AF_UNSPEC}; SHOW(connect(s, &a, sizeof a)); SHOW(bind(s, &a, sizeof a)); SHOW(bind(s, &a, 1)); SHOW(bind(s, &a, 8)); SHOW(listen(s, 1)); });
  CHILD({ int fd = handling(0, 2, 0); take(fd); SHOW(bound(SOCK_STREAM, AF_INET, 40125)); SHOW(reached(SOCK_STREAM, 40125)); });
}

static volatile int told; static void note(int s) { told = s; }
static void scopes(void) {
  printf("- scopes\n"); signal(SIGUSR1, note); int ready[2], done[2]; pipe(ready); pipe(done); char c;
  struct sockaddr_un a = {AF_UNIX}; sprintf(a.sun_path + 1, "landlock-%d", getpid()); socklen_t size = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(a.sun_path + 1);
  int server = socket(AF_UNIX, SOCK_STREAM, 0), datagrams = socket(AF_UNIX, SOCK_DGRAM, 0); bind(server, (void *)&a, size); listen(server, 5); bind(datagrams, (void *)&a, size);
  CHILD({ int early = socket(AF_UNIX, SOCK_DGRAM, 0); connect(early, (void *)&a, size); take(handling(0, 0, 3)); SHOW(kill(getppid(), 0)); SHOW(kill(getpid(), 0)); SHOW(kill(getppid(), SIGUSR1)); int s = socket(AF_UNIX, SOCK_STREAM, 0); SHOW(connect(s, (void *)&a, size)); int d = socket(AF_UNIX, SOCK_DGRAM, 0); SHOW(connect(d, (void *)&a, size)); SHOW(sendto(d, "x", 1, 0, (void *)&a, size)); SHOW(send(early, "x", 1, 0)); SHOW(sendto(early, "x", 1, 0, (void *)&a, size));
    pid_t inner = fork(); if (!inner) { pause(); _exit(0); } SHOW(kill(inner, 0)); SHOW(kill(inner, SIGKILL)); waitpid(inner, NULL, 0); });
  CHILD({ take(handling(0, 0, 2)); SHOW(kill(getppid(), 0)); int s = socket(AF_UNIX, SOCK_STREAM, 0); SHOW(connect(s, (void *)&a, size)); });
  CHILD({ take(handling(0, 0, 1)); SHOW(kill(getppid(), 0)); int s = socket(AF_UNIX, SOCK_STREAM, 0); SHOW(connect(s, (void *)&a, size)); take(handling(READ_FILE, 0, 0)); s = socket(AF_UNIX, SOCK_STREAM, 0); SHOW(connect(s, (void *)&a, size)); });
  printf("- tracing\n"); pid_t free = fork(); if (!free) { pause(); _exit(0); }
  CHILD({ take(handling(READ_FILE, 0, 0)); SHOW(ptrace(PTRACE_ATTACH, free, 0, 0)); char mem[64]; sprintf(mem, "/proc/%d/environ", free); pid_t inner = fork(); if (!inner) { take(handling(WRITE_FILE, 0, 0)); pause(); _exit(0); } usleep(100000); SHOW(ptrace(PTRACE_ATTACH, inner, 0, 0)); kill(inner, SIGKILL); waitpid(inner, NULL, 0);
    SHOW(ptrace(PTRACE_TRACEME, 0, 0, 0)); SHOW(syscall(SYS_process_vm_readv, free, NULL, 0, NULL, 0, 0)); });
  CHILD({ SHOW(ptrace(PTRACE_ATTACH, free, 0, 0)); }); kill(free, SIGKILL); waitpid(free, NULL, 0);
}

/* What all is tried below: a letter for each, of what came of it. */
static char letter(long r) { if (r >= 0) return '.'; switch (errno) { case EACCES: return 'A'; case EXDEV: return 'X'; case ENOENT: return 'n'; case EEXIST: return 'e'; case ENOTEMPTY: return 'f'; case EPERM: return 'P'; case ENOEXEC: return 'x'; case ENXIO: return 'd'; default: return '?'; } }
static unsigned seed = 7; static unsigned chance(unsigned below) { seed = seed * 1103515245 + 12345; return (seed >> 16) % below; }
static const char *places[] = {"r", "r/a", "r/a/b", "r/a/b/c", "r/x", "r/x/y", "r/a/f", "r/a/b/f", "r/x/f", "r/x/y/f"};
static void by_chance(int number) {
  tree(); unsigned long plan[3][12]; int layers = 1 + chance(3);
  for (int l = 0; l < layers; l++) { plan[l][0] = chance(4) ? 0xffff & ~IOCTL_DEV : chance(65536); plan[l][1] = 1 + chance(4); for (unsigned i = 0; i < plan[l][1]; i++) { plan[l][2 + 2 * i] = chance(10); plan[l][3 + 2 * i] = chance(65536) | chance(65536); } }
  char said[64] = {0}; int out[2]; pipe(out); pid_t p = fork();
  if (p == 0) {
    for (int l = 0; l < layers; l++) { int fd = handling(plan[l][0], 0, 0); if (fd < 0) continue; for (unsigned i = 0; i < plan[l][1]; i++) { unsigned long rights = plan[l][3 + 2 * i] & plan[l][0]; if (plan[l][2 + 2 * i] > 5) rights &= OF_FILES; if (rights) allow(fd, places[plan[l][2 + 2 * i]], rights); } take(fd); }
    int n = 0;
#define TRY(e) (said[n++] = letter(e))
    TRY(opened("r/a/b/f", O_RDONLY)); TRY(opened("r/a/b/f", O_WRONLY)); TRY(opened("r/x/y/f", O_RDWR)); TRY(opened("r/a", O_RDONLY)); TRY(opened("r/x/y", O_RDONLY)); TRY(cut("r/a/f", O_WRONLY)); TRY(truncate("r/x/f", 2)); TRY(opened("r/a/b/f", O_WRONLY | O_TRUNC));
    TRY(opened("r/a/new", O_CREAT | O_WRONLY)); TRY(mkdir("r/a/b/d", 0700)); TRY(mknod("r/x/p", S_IFIFO | 0600, 0)); TRY(mknod("r/x/y/s", S_IFSOCK | 0600, 0)); TRY(mknod("r/a/c", S_IFCHR | 0600, 0x103)); TRY(symlink("f", "r/a/l"));
    TRY(link("r/a/f", "r/a/same")); TRY(link("r/a/f", "r/x/other")); TRY(link("r/x/y/f", "r/a/b/c/other")); TRY(rename("r/a/b/f", "r/a/b/g")); TRY(rename("r/a/b/c/f", "r/a/b/up")); TRY(rename("r/x/y/f", "r/x/f")); TRY(rename("r/x/y", "r/a/b/y")); TRY(rename("r/a/b/c", "r/x/c"));
    TRY(syscall(SYS_renameat2, AT_FDCWD, "r/a/f", AT_FDCWD, "r/x/f", 2)); TRY(syscall(SYS_renameat2, AT_FDCWD, "r/a/b", AT_FDCWD, "r/x", 2)); TRY(rename("r/none", "r/x/none")); TRY(rename("r/a/f", "r/f")); TRY(unlink("r/x/f")); TRY(rmdir("r/x/y")); TRY(rmdir("r/a")); char *none[] = {"f", NULL}; TRY(execv("r/f", none));
    write(out[1], said, n); _exit(0);
  }
  close(out[1]); waitpid(p, NULL, 0); read(out[0], said, sizeof said - 1); close(out[0]); printf("%d: %s\n", number, said); fflush(stdout);
}

int main(void) {
  char folder[] = "/tmp/landlock.XXXXXX"; if (!mkdtemp(folder) || chdir(folder)) return 1; umask(0);
  tree(); arguments(); device(); tree(); mounts(); tree(); descriptors(); ports(); scopes();
  printf("- by chance\n"); for (int i = 0; i < 150; i++) by_chance(i);
  chdir("/"); nftw(folder, gone, 8, FTW_DEPTH | FTW_PHYS); return 0;
}
