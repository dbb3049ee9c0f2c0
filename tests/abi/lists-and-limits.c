#include "abi.h"
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

/* Lists of acl(5) that are empty, absent or of another version; where pipes lie; limits of mappings. */
#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"

static void lists(void) {
  close(open("file", O_CREAT | O_RDWR, 0640)); mkdir("folder", 0755);
  SHOW(setxattr("file", ACCESS, "", 0, 0)); SHOW(removexattr("file", ACCESS)); SHOW(removexattr("file", DEFAULT)); SHOW(removexattr("folder", DEFAULT)); SHOW(removexattr("folder", ACCESS)); SHOW(setxattr("folder", DEFAULT, "", 0, 0));
  SHOW(setxattr("file", ACCESS, "\2\0\0", 3, 0)); SHOW(setxattr("file", ACCESS, "\2\0\0\0", 4, 0)); SHOW(setxattr("file", ACCESS, "\3\0\0\0", 4, 0)); SHOW(setxattr("file", ACCESS, "\3\0\0\0aaaaaaaa", 12, 0)); SHOW(setxattr("file", DEFAULT, "\2\0\0\0", 4, 0)); SHOW(setxattr("file", ACCESS, "", 0, XATTR_REPLACE)); SHOW(setxattr("file", ACCESS, "\2\0\0\0\1\0\6\0\377\377\377\377", 12, 0));
  SHOW(getxattr("file", ACCESS, NULL, 0));
}

static void places(void) {
  int p[2]; struct statfs at; pipe(p); fstatfs(p[0], &at); printf("%lx\n", (long)at.f_type); fstatfs(socket(AF_UNIX, SOCK_STREAM, 0), &at); printf("%lx\n", (long)at.f_type); fstatfs(eventfd(0, 0), &at); printf("%lx\n", (long)at.f_type);
  char path[64]; sprintf(path, "/proc/self/fd/%d", p[1]); statfs(path, &at); printf("%lx\n", (long)at.f_type);
}

static void limits(void) {
  int fd = open("file", O_RDWR);
  SHOW(mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0x7ffffffffffff000)); SHOW(mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0x7ffffffffffff000)); SHOW(mmap(0, 8192, PROT_READ, MAP_SHARED, fd, 0x7fffffffffffe000));
  fflush(stdout); if (fork() == 0) {
    char *locked = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0); struct rlimit one = {4096, 4096}; setrlimit(RLIMIT_MEMLOCK, &one); setuid(1000);
    HOLDS(locked != MAP_FAILED); SHOW(mremap(locked, 4096, 8192, MREMAP_MAYMOVE)); SHOW(munlock(locked, 4096)); HOLDS(mremap(locked, 4096, 8192, MREMAP_MAYMOVE) != MAP_FAILED); exit(0);
  } wait(NULL); close(fd); unlink("file"); rmdir("folder");
}

/* In a user namespace of its own a program's capabilities are none over the machine. */
static void nodes(void) {
  fflush(stdout); if (fork() == 0) { char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); SHOW(syscall(SYS_mbind, page, 4096, 0, NULL, 0, 4)); void *pages[] = {page}; int nodes[1]; SHOW(unshare(CLONE_NEWUSER)); SHOW(syscall(SYS_mbind, page, 4096, 0, NULL, 0, 4)); SHOW(syscall(SYS_move_pages, 0, 1, pages, NULL, nodes, 4)); exit(0); } wait(NULL);
}

int main(void) { nodes(); lists(); places(); limits(); return 0; }
