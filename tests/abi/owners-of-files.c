#include "abi.h"
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <asm/sockios.h>
/* Who gets the signals of a file, as he was named and as he is told: fcntl(2), F_SETOWN and F_SETOWN_EX; SIOCSPGRP of sockets. */
static void told(int fd) {
  struct f_owner_ex owner = {9, 9}; int result = fcntl(fd, F_GETOWN_EX, &owner);
  printf("  %d type %d %s\n", result, owner.type, owner.pid == 0 ? "nobody" : owner.pid == getpid() ? "itself" : owner.pid == getpgrp() ? "its group" : "another"); fflush(stdout);
}
static void name(int fd, int type, int pid) { struct f_owner_ex owner = {type, pid}; SHOW(fcntl(fd, F_SETOWN_EX, &owner)); told(fd); }
static int asked(int fd, int request) { int id = 7; if (ioctl(fd, request, &id) < 0) return -errno; return id == 0 ? 0 : id == getpid() ? 1 : id == -getpgrp() ? 2 : 3; }
static volatile int heard;
static void on_io(int number) { heard++; }
int main(void) {
  int p[2], s[2]; if (pipe(p) || socketpair(AF_UNIX, SOCK_STREAM, 0, s)) return 1;
  if (fork() != 0) { wait(NULL); return 0; }
  setpgid(0, 0);
  puts("fresh"); told(p[0]);
  puts("nobody, of each kind"); name(p[0], F_OWNER_PGRP, 0); name(p[0], F_OWNER_PID, 0); name(p[0], F_OWNER_TID, 0); name(p[0], 3, 0); name(p[0], F_OWNER_PGRP, 0);
  SHOW(fcntl(p[0], F_SETOWN, 0)); told(p[0]);
  puts("somebody"); name(p[0], F_OWNER_PGRP, getpgrp()); SHOW(fcntl(p[0], F_GETOWN) == -getpgrp()); name(p[0], F_OWNER_TID, getpid()); name(p[0], F_OWNER_PGRP, 99999999); name(p[0], F_OWNER_PGRP, -1); SHOW(fcntl(p[0], F_SETOWN, 1 << 31)); SHOW(fcntl(p[0], F_SETOWN, -getpgrp())); told(p[0]);
  puts("by a lease, and for a folder"); char file[] = "/tmp/owner-XXXXXX"; int fd = mkstemp(file); SHOW(fcntl(fd, F_SETLEASE, F_WRLCK)); told(fd); SHOW(fcntl(fd, F_SETSIG, SIGUSR1)); SHOW(fcntl(fd, F_SETLEASE, F_UNLCK)); told(fd); SHOW(fcntl(fd, F_GETSIG)); SHOW(fcntl(fd, F_SETSIG, SIGUSR1)); SHOW(fcntl(fd, F_SETLEASE, F_UNLCK)); SHOW(fcntl(fd, F_GETSIG)); close(fd); unlink(file);
  fd = open("/tmp", O_RDONLY); SHOW(fcntl(fd, F_NOTIFY, DN_CREATE)); told(fd); close(fd);
  puts("by a request of sockets"); int id = 99999999; SHOW(ioctl(s[0], SIOCSPGRP, &id)); id = 1 << 31; SHOW(ioctl(s[0], FIOSETOWN, &id)); SHOW(ioctl(s[0], SIOCSPGRP, (void *)8)); SHOW(asked(s[0], SIOCGPGRP));
  id = getpid(); SHOW(ioctl(s[0], SIOCSPGRP, &id)); told(s[0]); SHOW(asked(s[0], SIOCGPGRP)); SHOW(fcntl(s[0], F_GETOWN) == getpid());
  id = -getpgrp(); SHOW(ioctl(s[0], FIOSETOWN, &id)); told(s[0]); SHOW(asked(s[0], FIOGETOWN)); SHOW(asked(s[0], SIOCGPGRP));
  int gone = fork(); if (gone == 0) _exit(0); id = gone; SHOW(ioctl(s[0], SIOCSPGRP, &id)); waitpid(gone, NULL, 0); SHOW(asked(s[0], SIOCGPGRP)); told(s[0]);
  puts("who may not signal him does not by it"); struct sigaction action = {.sa_handler = on_io}; sigaction(SIGIO, &action, NULL); int parent = getpid();
  int other = fork(); if (other == 0) { if (setresuid(1000, 1000, 1000)) _exit(1); fcntl(s[0], F_SETFL, O_ASYNC); SHOW(ioctl(s[0], SIOCSPGRP, &parent)); SHOW(write(s[1], "x", 1)); fflush(stdout); _exit(0); }
  while (waitpid(other, NULL, 0) != other) {} SHOW(heard); id = getpid(); SHOW(ioctl(s[0], SIOCSPGRP, &id)); SHOW(write(s[1], "x", 1)); SHOW(heard);
  return 0;
}
