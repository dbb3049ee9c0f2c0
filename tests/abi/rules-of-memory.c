#include "abi.h"
#include <linux/aio_abi.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/sendfile.h>

/* What a failing call leaves behind, contexts of asynchronous I/O that move, and programs that share what they should not. */
static char *map(int pages, int protection, int how) { return mmap(NULL, pages * 4096, protection, how | MAP_ANONYMOUS, -1, 0); }
static void mapped(const char *what, char *at, int pages) {
  unsigned char is; printf("  %s:", what);
  for (int each = 0; each < pages; each++) printf(" %s", mincore(at + each * 4096, 4096, &is) == 0 ? "mapped" : "none");
  printf("\n");
}

static void remaps(int how) {
  printf("- mremap over two areas\n");
  char *from = map(3, PROT_READ, how), *to = map(2, PROT_NONE, how); mprotect(from, 4096, PROT_NONE);
  SHOW(mremap(from, 3 * 4096, 2 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED ? -1 : 0); mapped("from", from, 3); mapped("to", to, 2);
  from = map(4, PROT_READ, how), to = map(4, PROT_NONE, how); mprotect(from + 3 * 4096, 4096, PROT_NONE);
  SHOW(mremap(from, 4 * 4096, 2 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to); mapped("from", from, 4); mapped("to", to, 4);
}

static aio_context_t context;
static int submit(int code, unsigned long at, long count, long long offset, int fd) {
  struct iocb one = {.aio_lio_opcode = code, .aio_fildes = fd, .aio_buf = at, .aio_nbytes = count, .aio_offset = offset}, *list[] = {&one};
  return syscall(SYS_io_submit, context, 1, list);
}
static void asynchronous(void) {
  printf("- asynchronous I/O\n"); char text[] = "text";
  int fd = open("/tmp/rules-aio", O_CREAT | O_RDWR, 0600), ends[2]; pipe(ends); write(ends[1], "abc", 3);
  SHOW(syscall(SYS_io_setup, 4, &context));
  struct iovec one = {text, 4}, bad = {(void *)0xffffffff00000000, 1}, negative = {text, -1}, unmapped = {(void *)64, 1};
  SHOW(submit(IOCB_CMD_PREAD, (long)text, 4, -1, fd)); SHOW(submit(IOCB_CMD_PWRITE, (long)text, 4, -1, fd)); SHOW(submit(IOCB_CMD_PREADV, (long)&one, 1, -1, fd)); SHOW(submit(IOCB_CMD_PWRITEV, (long)&one, 1, -2, fd));
  SHOW(submit(IOCB_CMD_PWRITE, (long)text, 4, 0x7fffffffffffffff, fd)); SHOW(submit(IOCB_CMD_PREAD, (long)text, 4, 0x7fffffffffffffff, fd)); SHOW(submit(IOCB_CMD_PREADV, (long)&negative, 1, 0, fd)); SHOW(submit(IOCB_CMD_PREADV, 64, 1, 0, fd)); SHOW(submit(IOCB_CMD_PREADV, (long)&one, 2000, 0, fd));
  SHOW(submit(IOCB_CMD_PREAD, (long)text, 1, -1, ends[0])); SHOW(submit(IOCB_CMD_PREAD, 0xffffffff00000000, 1, 0, fd)); SHOW(submit(IOCB_CMD_PWRITEV, (long)&bad, 1, 0, fd)); SHOW(submit(IOCB_CMD_PREADV, (long)&bad, 1, 0, fd));
  SHOW(submit(IOCB_CMD_PWRITE, 64, 1, 0, fd)); SHOW(submit(IOCB_CMD_PWRITEV, (long)&unmapped, 1, 0, fd)); SHOW(submit(99, (long)text, 1, 0, fd)); SHOW(submit(IOCB_CMD_PREAD, (long)text, 1, 0, 99));
  int reads = open("/tmp/rules-aio", O_RDONLY), dir = open("/tmp", O_RDONLY); SHOW(submit(IOCB_CMD_PWRITE, (long)text, 1, 0, reads)); SHOW(submit(IOCB_CMD_PREAD, (long)text, 1, 0, dir));
  struct io_event events[8]; struct timespec none = {0, 0}; long got; SHOW(got = syscall(SYS_io_getevents, context, 0, 8, events, &none));
  for (long each = 0; each < got; each++) printf("  %s\n", events[each].res < 0 ? name_of(-events[each].res) : "done");
  SHOW(syscall(SYS_io_destroy, context));
  context = 0; SHOW(syscall(SYS_io_setup, 4, &context)); FILE *maps = fopen("/proc/self/maps", "r"); char line[256]; unsigned long from, to, size = 0;
  while (fgets(line, sizeof line, maps)) if (sscanf(line, "%lx-%lx", &from, &to) == 2 && from == context) size = to - from; fclose(maps);
  aio_context_t old = context; char *target = map(size / 4096, PROT_READ, MAP_PRIVATE);
  SHOW(submit(IOCB_CMD_PWRITE, (long)text, 4, 0, fd)); SHOW(mremap((void *)context, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
  SHOW(submit(IOCB_CMD_PWRITE, (long)text, 4, 0, fd)); context = (long)target; SHOW(submit(IOCB_CMD_PWRITE, (long)text, 4, 0, fd)); SHOW(syscall(SYS_io_getevents, context, 2, 8, events, NULL));
  mprotect(target, size, PROT_NONE); SHOW(submit(IOCB_CMD_PWRITE, (long)text, 4, 0, fd)); SHOW(syscall(SYS_io_getevents, context, 0, 8, events, &none)); SHOW(syscall(SYS_io_destroy, context));
  mprotect(target, size, PROT_READ | PROT_WRITE); SHOW(syscall(SYS_io_destroy, context)); mapped("destroyed", target, 1);
  context = 0; syscall(SYS_io_setup, 4, &context); munmap((void *)context, size); SHOW(submit(IOCB_CMD_PWRITE, (long)text, 4, 0, fd)); SHOW(syscall(SYS_io_destroy, context));
  unlink("/tmp/rules-aio");
}

static void programs_not_to_be_executed(void) {
  printf("- a file that nobody executes\n");
  mkdir("/tmp/rules-noexec", 0700); mount("none", "/tmp/rules-noexec", "tmpfs", MS_NOEXEC, NULL);
  int fd = open("/tmp/rules-noexec/f", O_CREAT | O_RDWR, 0700); ftruncate(fd, 8192);
  SHOW(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
  char *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0), *shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0); SHOW(mprotect(at, 4096, PROT_READ | PROT_EXEC)); SHOW(mprotect(shared, 4096, PROT_EXEC)); SHOW(mprotect(at, 4096, PROT_READ | PROT_WRITE));
  mount(NULL, "/tmp/rules-noexec", NULL, MS_REMOUNT, NULL); SHOW(mprotect(at, 4096, PROT_READ | PROT_EXEC)); SHOW(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) != MAP_FAILED);
  munmap(at, 4096); munmap(shared, 4096); close(fd);
}

static char stack[65536] __attribute__((aligned(16)));
static int becomes(void *with) {
  setgid(2000); setuid(1000);
  char *arguments[] = {"rules", "ids", NULL}, *none[] = {NULL}; execve("/tmp/rules-set-id", arguments, none); _exit(9);
}
static void set_ids(void) {
  printf("- set-user-ID with a shared working directory\n"); fflush(stdout);
  int from = open("/proc/self/exe", O_RDONLY), to = open("/tmp/rules-set-id", O_CREAT | O_WRONLY, 0700); struct stat s; fstat(from, &s); off_t at = 0;
  while (at < s.st_size && sendfile(to, from, &at, s.st_size) > 0); close(to); chmod("/tmp/rules-set-id", 06755);
  int status, hows[] = {0, CLONE_FS, CLONE_FILES, CLONE_SIGHAND | CLONE_VM, CLONE_FS | CLONE_FILES};
  for (int each = 0; each < 5; each++) { waitpid(clone(becomes, stack + sizeof stack, hows[each] | SIGCHLD, NULL), &status, 0); printf("  %d: exit %d\n", each, WEXITSTATUS(status)); }
  unlink("/tmp/rules-set-id");
}

static void groups(void) {
  printf("- a child's group after its execve\n"); fflush(stdout);
  int ready[2], go[2]; pipe(ready); pipe(go); pid_t child = fork();
  if (child == 0) { dup2(ready[1], 50); dup2(go[0], 51); char *arguments[] = {"rules", "waits", NULL}, *none[] = {NULL}; execve("/proc/self/exe", arguments, none); _exit(9); }
  SHOW(setpgid(child, child) >= -1); char byte; read(ready[0], &byte, 1);
  SHOW(setpgid(child, child)); SHOW(setpgid(child, 0)); SHOW(setpgid(child, getpid())); SHOW(setpgid(child, -1)); SHOW(setpgid(1 << 22, 0));
  write(go[1], "x", 1); int status; waitpid(child, &status, 0); SHOW(WEXITSTATUS(status)); SHOW(setpgid(child, child));
}

int main(int count, char **arguments) {
  if (count > 1 && strcmp(arguments[1], "waits") == 0) { char byte; write(50, "x", 1); read(51, &byte, 1); return 3; }
  if (count > 1) { printf("  %d %d %d %d\n", getuid(), geteuid(), getgid(), getegid()); return 0; }
  unshare(CLONE_NEWNS); mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL); umask(0);
  remaps(MAP_PRIVATE); remaps(MAP_SHARED); asynchronous(); programs_not_to_be_executed(); set_ids(); groups();
  return 0;
}
