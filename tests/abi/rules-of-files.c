#include "abi.h"
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>

/* What is left of a call when there is room for a part of it only, and files in roles that few programs give them. */
static char bytes[3 * 4096];

static void full_file_system(void) {
  printf("- tmpfs of one page, of two\n");
  mkdir("/tmp/rules-full", 0700); SHOW(mount("none", "/tmp/rules-full", "tmpfs", 0, "size=4096"));
  int fd = open("/tmp/rules-full/f", O_CREAT | O_RDWR, 0600);
  SHOW(pwrite(fd, bytes, 4, 4094)); SHOW(pwrite(fd, bytes, 1, 4096)); SHOW(pwrite(fd, bytes, 8192, 0)); SHOW(lseek(fd, 0, SEEK_END));
  SHOW(write(fd, bytes, 1)); SHOW(symlink(memset(bytes, 'x', 200) ? "short" : "", "/tmp/rules-full/l"));
  SHOW(fallocate(fd, 0, 0, 8192)); SHOW(lseek(fd, 0, SEEK_END)); SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096)); SHOW(pwrite(fd, bytes, 12288, 100));
  close(fd); SHOW(umount("/tmp/rules-full"));
  mount("none", "/tmp/rules-full", "tmpfs", 0, "size=8192");
  fd = open("/tmp/rules-full/f", O_CREAT | O_RDWR, 0600);
  SHOW(pwrite(fd, bytes, 4097, 4098)); SHOW(pwrite(fd, bytes, 12288, 0)); SHOW(pwrite(fd, bytes, 1, 8191));
  int other = open("/tmp/rules-full/g", O_CREAT | O_RDWR, 0600); SHOW(write(other, bytes, 1)); SHOW(ftruncate(fd, 4096)); SHOW(write(other, bytes, 8192));
  SHOW(ftruncate(other, 0)); SHOW(pwrite(fd, bytes, 1, 3 * 4096)); SHOW(pwrite(fd, bytes, 12288, 4096));
  SHOW(ftruncate(fd, 0)); char *text = malloc(4096); memset(text, 'l', 4096); text[3000] = 0;
  SHOW(symlink(text, "/tmp/rules-full/1")); SHOW(symlink(text, "/tmp/rules-full/2")); SHOW(symlink(text, "/tmp/rules-full/3")); SHOW(write(fd, bytes, 1));
  SHOW(unlink("/tmp/rules-full/1")); SHOW(write(fd, bytes, 4097)); text[100] = 0; SHOW(symlink(text, "/tmp/rules-full/4")); text[100] = 'l'; text[128] = 0; SHOW(symlink(text, "/tmp/rules-full/5"));
  close(fd); close(other); SHOW(umount("/tmp/rules-full")); rmdir("/tmp/rules-full");
}

static long entries(int fd, char *at, size_t size, long *calls) {
  long found = 0;
  for (;;) {
    long got = syscall(SYS_getdents64, fd, at, size);
    if (got <= 0) { printf("  %ld %s\n", got, got < 0 ? name_of(errno) : ""); return found; }
    ++*calls;
    for (long here = 0; here < got; here += *(unsigned short *)(at + here + 16)) found++;
  }
}

static void directories(void) {
  printf("- entries into a part of a buffer\n");
  mkdir("/tmp/rules-entries", 0700); char name[64];
  for (int each = 0; each < 60; each++) { snprintf(name, sizeof name, "/tmp/rules-entries/%d", 1000 + each); close(open(name, O_CREAT | O_RDWR, 0600)); }
  char *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); munmap(at + 4096, 4096);
  int fd = open("/tmp/rules-entries", O_RDONLY | O_DIRECTORY); long calls = 0;
  SHOW(entries(fd, at + 4096 - 256, 4096, &calls));
  lseek(fd, 0, SEEK_SET); HOLDS(syscall(SYS_getdents64, fd, at + 4096 - 30, 4096) == 24); SHOW(syscall(SYS_getdents64, fd, at + 4096 - 8, 4096));
  SHOW(syscall(SYS_getdents64, fd, at + 4096 - 26, 26) > 0); SHOW(syscall(SYS_getdents64, fd, at, 10)); SHOW(syscall(SYS_getdents64, fd, at + 4096, 4096));
  SHOW(syscall(SYS_getdents64, fd, at, 0x80000000u)); SHOW(syscall(SYS_getdents64, fd, at, 0xffffffffu));
  close(fd); fd = open("/proc/self/task", O_RDONLY | O_DIRECTORY); calls = 0; SHOW(entries(fd, at + 4096 - 50, 4096, &calls)); SHOW(calls == 2); close(fd);
  for (int each = 0; each < 60; each++) { snprintf(name, sizeof name, "/tmp/rules-entries/%d", 1000 + each); unlink(name); }
  rmdir("/tmp/rules-entries");
  SHOW(open("/tmp", O_RDONLY | O_DIRECT)); SHOW(open("/dev/null", O_RDONLY | O_DIRECT)); SHOW(open("/proc/self/stat", O_RDONLY | O_DIRECT)); SHOW(open("/proc", O_RDONLY | O_DIRECT)); SHOW(open("/dev/zero", O_RDWR | O_DIRECT));
  mkfifo("/tmp/rules-fifo", 0600); SHOW(open("/tmp/rules-fifo", O_RDWR | O_DIRECT) >= 0); SHOW(fcntl(open("/tmp", O_RDONLY), F_SETFL, O_DIRECT)); SHOW(fcntl(open("/dev/null", O_RDONLY), F_SETFL, O_DIRECT)); SHOW(fcntl(open("/tmp/rules-fifo", O_RDWR), F_SETFL, O_DIRECT)); SHOW(fcntl(open("/proc/self/stat", O_RDONLY), F_SETFL, O_DIRECT));
  SHOW(open("/tmp/rules-fifo", O_PATH | O_DIRECT) >= 0);
  unlink("/tmp/rules-fifo");
}

static void to_itself(void) {
  printf("- a file sent to itself\n");
  int fd = memfd_create("self", 0); off_t from = 0; write(fd, "\1", 1);
  SHOW(sendfile(fd, fd, &from, 200)); SHOW(from); SHOW(lseek(fd, 0, SEEK_CUR)); SHOW(lseek(fd, 0, SEEK_END));
  char got[4]; SHOW(pread(fd, got, 1, 199)); SHOW(got[0]); ftruncate(fd, 0); lseek(fd, 0, SEEK_SET); write(fd, "abcd", 4); lseek(fd, 2, SEEK_SET);
  SHOW(sendfile(fd, fd, NULL, 100)); SHOW(lseek(fd, 0, SEEK_CUR)); pread(fd, got, 4, 0); printf("  %.4s\n", got);
  int a = memfd_create("a", 0), b = memfd_create("b", 0); ftruncate(a, 1 << 20); off_t end = (1 << 20) - 10;
  SHOW(sendfile(b, a, &end, 100)); SHOW(sendfile(b, a, &end, 100));
  from = 0x7fffffffffffff00; SHOW(sendfile(b, a, &from, 0x200)); from = -1; SHOW(sendfile(b, a, &from, 1));
}

static void programs_in_memory(void) {
  printf("- a script in a memfd\n"); fflush(stdout);
  int fd = memfd_create("script", 0), again; const char *text = "#!/proc/self/exe from\n"; write(fd, text, strlen(text));
  char *arguments[] = {"name", NULL}, *none[] = {NULL};
  if (fork() == 0) { dup2(fd, 40); syscall(SYS_execveat, 40, "", arguments, none, AT_EMPTY_PATH); _exit(errno); }
  int status; wait(&status); SHOW(WEXITSTATUS(status));
  if (fork() == 0) { dup3(fd, 40, O_CLOEXEC); syscall(SYS_execveat, 40, "", arguments, none, AT_EMPTY_PATH); _exit(errno); }
  wait(&status); SHOW(WEXITSTATUS(status) == ENOENT);
  char path[40]; snprintf(path, sizeof path, "/proc/self/fd/%d", fd); again = open(path, O_RDWR);
  if (fork() == 0) { dup2(fd, 40); syscall(SYS_execveat, 40, "", arguments, none, AT_EMPTY_PATH); _exit(errno); }
  wait(&status); SHOW(WEXITSTATUS(status) == ETXTBSY); close(again);
  SHOW(fcntl(fd, F_SETLEASE, F_RDLCK)); SHOW(fcntl(fd, F_SETLEASE, F_WRLCK)); SHOW(fcntl(fd, F_SETLEASE, F_UNLCK));
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd); again = open(path, O_RDONLY); SHOW(fcntl(again, F_SETLEASE, F_RDLCK));
}

static void owners(void) {
  printf("- capabilities of a file that changes hands\n");
  const unsigned char value[20] = {1, 0, 0, 2, 1};
  int fd = open("/tmp/rules-owned", O_CREAT | O_RDWR, 0644); char got[32];
  SHOW(fsetxattr(fd, "security.capability", value, 20, 0)); SHOW(fchown(fd, -1, -1)); SHOW(fgetxattr(fd, "security.capability", got, 32));
  fsetxattr(fd, "security.capability", value, 20, 0); SHOW(fchown(fd, 0, 0)); SHOW(fgetxattr(fd, "security.capability", got, 32));
  fsetxattr(fd, "security.capability", value, 20, 0); SHOW(write(fd, "x", 1)); SHOW(fgetxattr(fd, "security.capability", got, 32));
  fsetxattr(fd, "security.capability", value, 20, 0); SHOW(ftruncate(fd, 0)); SHOW(fgetxattr(fd, "security.capability", got, 32));
  fsetxattr(fd, "security.capability", value, 20, 0); SHOW(fallocate(fd, 0, 0, 10)); SHOW(fgetxattr(fd, "security.capability", got, 32));
  fsetxattr(fd, "security.capability", value, 20, 0); SHOW(fchmod(fd, 0600)); SHOW(fgetxattr(fd, "security.capability", got, 32));
  close(fd); unlink("/tmp/rules-owned");
  printf("- set-ID bits and fallocate\n");
  for (int mode = 0; mode < 5; mode++) {
    const int modes[] = {06777, 06666, 06677, 02666, 02676}; fd = open("/tmp/rules-allocated", O_CREAT | O_RDWR, 0600); fchown(fd, 1000, 2000); 
    for (int call = 0; call < 3; call++) {
      fchmod(fd, modes[mode]); fflush(stdout);
      if (fork() == 0) {
        setgroups(0, NULL); setgid(3000); setuid(1000);
        if (call == 0) fallocate(fd, 0, 0, 8192); else if (call == 1) write(fd, "x", 1); else fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
        _exit(0);
      }
      wait(NULL); struct stat s; fstat(fd, &s); printf("  %o %d: %o\n", modes[mode], call, s.st_mode & 07777);
    }
    close(fd); unlink("/tmp/rules-allocated");
  }
}

static void links(void) {
  printf("- a name for what is open\n"); fflush(stdout);
  mkdir("/tmp/rules-links", 0777); chmod("/tmp/rules-links", 0777);
  int fd = open("/tmp/rules-links/by-root", O_CREAT | O_RDWR, 0644);
  if (fork() == 0) {
    setgid(3000); setuid(1000);
    SHOW(linkat(fd, "", AT_FDCWD, "/tmp/rules-links/1", AT_EMPTY_PATH));
    int own = open("/tmp/rules-links/own", O_CREAT | O_RDWR, 0644), unnamed = open("/tmp/rules-links", O_TMPFILE | O_RDWR, 0644), path = open("/tmp/rules-links/own", O_PATH);
    SHOW(linkat(own, "", AT_FDCWD, "/tmp/rules-links/2", AT_EMPTY_PATH)); SHOW(linkat(unnamed, "", AT_FDCWD, "/tmp/rules-links/3", AT_EMPTY_PATH)); SHOW(linkat(path, "", AT_FDCWD, "/tmp/rules-links/4", AT_EMPTY_PATH));
    int dir = open("/tmp/rules-links", O_RDONLY); SHOW(linkat(dir, "", AT_FDCWD, "/tmp/rules-links/5", AT_EMPTY_PATH)); SHOW(linkat(AT_FDCWD, "", AT_FDCWD, "/tmp/rules-links/5", AT_EMPTY_PATH));
    SHOW(linkat(99, "", AT_FDCWD, "/tmp/rules-links/6", AT_EMPTY_PATH)); SHOW(linkat(own, "", AT_FDCWD, "/tmp/rules-links/6", 0));
    setresuid(1000, 1000, 1000); SHOW(linkat(own, "", AT_FDCWD, "/tmp/rules-links/7", AT_EMPTY_PATH));
    unshare(CLONE_FS); SHOW(linkat(own, "", AT_FDCWD, "/tmp/rules-links/8", AT_EMPTY_PATH));
    unshare(CLONE_NEWUSER); SHOW(linkat(own, "", AT_FDCWD, "/tmp/rules-links/9", AT_EMPTY_PATH));
    _exit(0);
  }
  wait(NULL); const char *names[] = {"by-root", "own", "2", "3", "4", "7", "8"}; char path[64];
  for (int each = 0; each < 7; each++) { snprintf(path, sizeof path, "/tmp/rules-links/%s", names[each]); unlink(path); }
  SHOW(rmdir("/tmp/rules-links"));
}

int main(int count, char **arguments) {
  if (count > 1) { printf("%s %s\n", arguments[1], arguments[2]); return 0; }
  unshare(CLONE_NEWNS); mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL); umask(0); chdir("/tmp");
  full_file_system(); directories(); to_itself(); programs_in_memory(); owners(); links();
  return 0;
}
