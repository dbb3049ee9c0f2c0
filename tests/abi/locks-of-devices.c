#include "abi.h"
#include <sys/file.h>
#include <sys/socket.h>
/* flock(2) of files that are no regular ones is let go with the description, too; so are open file description locks, and those of a process at its close. */
static long put(int fd, int command, int type) { struct flock l = {type, SEEK_SET, 0, 1}; return fcntl(fd, command, &l); }
static void all(const char *name, int first, int (*again)(const char *)) {
  printf("- %s\n", name); SHOW(flock(first, LOCK_EX)); int other = again(name); if (other >= 0) { SHOW(flock(other, LOCK_SH | LOCK_NB)); SHOW(put(first, F_OFD_SETLK, F_WRLCK)); SHOW(put(other, F_OFD_SETLK, F_RDLCK)); int copy = dup(first); close(first); SHOW(flock(other, LOCK_SH | LOCK_NB)); close(copy); SHOW(flock(other, LOCK_SH | LOCK_NB)); SHOW(put(other, F_OFD_SETLK, F_RDLCK)); close(other); other = again(name); SHOW(flock(other, LOCK_EX | LOCK_NB)); SHOW(flock(other, LOCK_UN)); close(other); }
  else close(first);
  other = again(name); if (other >= 0) { SHOW(put(other, F_SETLK, F_WRLCK)); close(again(name)); if (fork() == 0) { struct flock l = {F_WRLCK, SEEK_SET, 0, 1}; SHOW(fcntl(again(name), F_GETLK, &l)); SHOW(l.l_type); _exit(0); } wait(NULL); close(other); }
}
static int rw(const char *name) { return open(name, O_RDWR | O_NONBLOCK); }
static int ro(const char *name) { return open(name, O_RDONLY | O_NONBLOCK); }
static int none(const char *name) { return -1; }
int main(void) {
  mkdir("/tmp/locked-folder", 0755); mkfifo("/tmp/locked-fifo", 0644);
  all("/dev/null", rw("/dev/null"), rw); all("/dev/zero", rw("/dev/zero"), rw); all("/dev/full", rw("/dev/full"), rw); all("/dev/urandom", rw("/dev/urandom"), rw); all("/dev/ptmx", rw("/dev/ptmx"), rw); all("/tmp/locked-folder", ro("/tmp/locked-folder"), ro); all("/proc/self/maps", ro("/proc/self/maps"), ro); all("/proc/sys/kernel/hostname", ro("/proc/sys/kernel/hostname"), ro); all("/proc/self", ro("/proc/self"), ro); all("/sys", ro("/sys"), ro); all("/tmp/locked-fifo", rw("/tmp/locked-fifo"), rw); all("/proc/self/fd", ro("/proc/self/fd"), ro);
  int pair[2], pipes[2]; socketpair(AF_UNIX, SOCK_STREAM, 0, pair); pipe(pipes); all("socket", pair[0], none); all("pipe", pipes[0], none); int path = open("/dev/null", O_PATH); SHOW(flock(path, LOCK_EX));
  unlink("/tmp/locked-fifo"); rmdir("/tmp/locked-folder");
}
