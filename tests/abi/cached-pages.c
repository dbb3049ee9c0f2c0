/* Who learns which pages of a file are in memory: cachestat(2), mincore(2). */
#include "abi.h"
#include <sys/epoll.h>
#include <sys/socket.h>
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif
#define PAGE 4096
static unsigned long long found[5];
static long ask(int fd, unsigned long long from, unsigned long long length, unsigned flags) { unsigned long long range[2] = {from, length}; memset(found, 7, sizeof found); return syscall(SYS_cachestat, fd, range, found, flags); }
static void tell(const char *what, int fd) { printf("%s: ", what); SHOW(ask(fd, 0, 0, 0)); if (found[0] != 0x0707070707070707) printf("  %llu cached, %llu written back, %llu %llu evicted\n", found[0], found[2], found[3], found[4]); }
static void resident(const char *what, char *at) { unsigned char v[4] = {9, 9, 9, 9}; printf("%s: %d", what, mincore(at, 4 * PAGE, v)); for (int n = 0; n < 4; n++) printf(" %d", v[n] & 1); printf("\n"); }
int main(void) {
  setlinebuf(stdout);
  int p[2], status; pipe(p); static char text[4 * PAGE];
  int file = open("/tmp/cached-pages", O_RDWR | O_CREAT | O_TRUNC, 0644), memory = memfd_create("x", 0);
  write(file, text, sizeof text); ftruncate(memory, 4 * PAGE); pwrite(memory, "x", 1, PAGE);
  tell("a file", file); SHOW(ask(file, PAGE, 2 * PAGE, 0)); printf("%llu\n", found[0]); SHOW(ask(file, PAGE - 1, 2, 0)); printf("%llu\n", found[0]); SHOW(ask(file, 100 * PAGE, 1, 0)); printf("%llu\n", found[0]); SHOW(ask(file, 3 * PAGE, 0, 0)); printf("%llu\n", found[0]);
  tell("memory", memory); tell("a pipe", p[0]); tell("a socket", socket(AF_UNIX, SOCK_STREAM, 0)); tell("epoll", epoll_create1(0)); tell("a pidfd", syscall(SYS_pidfd_open, getpid(), 0));
  tell("/proc/version", open("/proc/version", O_RDONLY)); tell("/proc", open("/proc", O_RDONLY)); tell("/dev/zero", open("/dev/zero", O_RDONLY)); tell("/dev/null", open("/dev/null", O_RDONLY)); tell("/dev/urandom", open("/dev/urandom", O_RDONLY)); tell("O_PATH", open("/tmp", O_PATH)); tell("none", 99);
  SHOW(ask(file, 0, 0, 1)); SHOW(syscall(SYS_cachestat, file, 8, found, 0)); SHOW(syscall(SYS_cachestat, 99, 8, found, 0)); unsigned long long all[2] = {0, 0}; SHOW(syscall(SYS_cachestat, file, all, 8, 0));
  char *m = mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, memory, 0); resident("memory", m);
  fchmod(memory, 0644);
  if (fork() == 0) {
    char path[64]; sprintf(path, "/proc/self/fd/%d", memory); int again = open(path, O_RDONLY); char *mine = mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, again, 0);
    setresuid(1000, 1000, 1000); int theirs = open("/tmp/cached-pages", O_RDONLY);
    printf("-- another user\n"); tell("to read", theirs); tell("opened to write, before", memory); tell("opened to read, before", again); SHOW(ask(theirs, 0, 0, 1)); tell("a folder", open("/proc", O_RDONLY)); tell("a device that all may write", open("/dev/zero", O_RDONLY)); tell("a pipe", p[0]);
    resident("opened to write, before", m); resident("opened to read, before", mine); char *none = mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); resident("nothing's", none); _exit(0);
  }
  wait(&status); unlink("/tmp/cached-pages"); return 0;
}
