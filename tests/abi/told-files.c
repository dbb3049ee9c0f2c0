#include "abi.h"
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/xattr.h>

/* What lsfd(1), lslocks(1), ps(1) and kill(1) are told of files, locks and processes. */
static void sockets(void) {
  printf("- sockets\n");
  int kinds[][3] = {{AF_UNIX, SOCK_STREAM, 0}, {AF_UNIX, SOCK_DGRAM, 0}, {AF_UNIX, SOCK_SEQPACKET, 0}, {AF_INET, SOCK_STREAM, 0}, {AF_INET6, SOCK_STREAM, 0}, {AF_INET, SOCK_DGRAM, 0},
                    {AF_INET6, SOCK_DGRAM, 0}, {AF_INET, SOCK_DGRAM, 136}, {AF_INET6, SOCK_DGRAM, 136}, {AF_INET, SOCK_RAW, 5}, {AF_INET6, SOCK_RAW, 5}, {AF_NETLINK, SOCK_RAW, 0}, {AF_PACKET, SOCK_RAW, 0}};
  char name[100], path[50];
  for (int i = 0; i < 13; i++) {
    int s = socket(kinds[i][0], kinds[i][1], kinds[i][2]);
    memset(name, 0, sizeof name);
    printf("%ld %s %ld\n", (long)fgetxattr(s, "system.sockprotoname", name, 100), name, (long)flistxattr(s, NULL, 0));
    close(s);
  }
  int s = socket(AF_INET, SOCK_STREAM, 0);
  sprintf(path, "/proc/self/fd/%d", s);
  SHOW(fgetxattr(s, "system.sockprotoname", name, 3)); SHOW(fgetxattr(s, "system.sockprotoname", NULL, 0)); SHOW(fsetxattr(s, "system.sockprotoname", "x", 1, 0)); SHOW(getxattr(path, "system.sockprotoname", name, 100));
  SHOW(lgetxattr(path, "system.sockprotoname", name, 100)); SHOW(fgetxattr(s, "system.other", name, 100)); int file = open("/", O_RDONLY); SHOW(fgetxattr(file, "system.sockprotoname", name, 100)); close(file);
  int net = ioctl(s, 0x894c); struct stat a, b; fstat(net, &a); stat("/proc/self/ns/net", &b); HOLDS(net >= 0 && a.st_ino == b.st_ino); SHOW(fcntl(net, F_GETFD));
  fflush(stdout);
  if (fork() == 0) { setresuid(1000, 1000, 1000); SHOW(ioctl(s, 0x894c)); fflush(stdout); _exit(0); }
  wait(NULL); close(net); close(s);
}

/* Lines "lock:" of a descriptor, without what differs from system to system. */
static void locks(int fd) {
  char name[50], line[200], kind[20], how[20], access[20], range[50]; int pid;
  sprintf(name, "/proc/self/fdinfo/%d", fd);
  FILE *f = fopen(name, "r");
  int n = 0;
  while (fgets(line, sizeof line, f))
    if (sscanf(line, "lock:\t%*d: %19s %19s %19s %d %*s %49[^\n]", kind, how, access, &pid, range) == 5) { printf("  %s %s %s %s %s\n", kind, how, access, pid == getpid() ? "mine" : pid == -1 ? "-1" : "other", range); n++; }
  fclose(f);
  if (!n) printf("  none\n");
  fflush(stdout);
}
static void all(int inode) {
  char line[200], kind[20], access[20], range[50]; int ino;
  FILE *f = fopen("/proc/locks", "r");
  while (fgets(line, sizeof line, f))
    if (sscanf(line, "%*d: %19s %*s %19s %*d %*x:%*x:%d %49[^\n]", kind, access, &ino, range) == 4 && ino == inode) printf("  all: %s %s %s\n", kind, access, range);
  fclose(f);
  fflush(stdout);
}
static void held(void) {
  printf("- locks\n");
  int fd = open("/tmp/told", O_RDWR | O_CREAT, 0600), other = open("/tmp/told", O_RDWR), copy = dup(fd);
  struct stat st; fstat(fd, &st);
  locks(fd);
  SHOW(flock(fd, LOCK_SH)); locks(fd); locks(other); locks(copy); SHOW(flock(fd, LOCK_EX)); locks(fd); SHOW(flock(fd, LOCK_UN));
  struct flock range = {F_RDLCK, SEEK_SET, 0, 1}; SHOW(fcntl(fd, F_SETLK, &range)); range = (struct flock){F_WRLCK, SEEK_SET, 2, 1}; SHOW(fcntl(fd, F_SETLK, &range)); locks(fd);
  range = (struct flock){F_UNLCK, SEEK_SET, 0, 0}; fcntl(fd, F_SETLK, &range);
  range = (struct flock){F_WRLCK, SEEK_SET, 10, 0}; SHOW(fcntl(fd, F_OFD_SETLK, &range)); locks(fd); locks(other); locks(copy); all(st.st_ino);
  range = (struct flock){F_UNLCK, SEEK_SET, 0, 0}; fcntl(fd, F_OFD_SETLK, &range);
  /* A process's ranges are told of the description by which they were set; one that grows stays with its first. */
  range = (struct flock){F_RDLCK, SEEK_SET, 0, 10}; SHOW(fcntl(fd, F_SETLK, &range)); locks(fd); locks(other); locks(copy);
  range = (struct flock){F_RDLCK, SEEK_SET, 20, 10}; SHOW(fcntl(other, F_SETLK, &range)); locks(fd); locks(other); locks(copy);
  range = (struct flock){F_RDLCK, SEEK_SET, 5, 20}; SHOW(fcntl(other, F_SETLK, &range)); locks(fd); locks(other);
  range = (struct flock){F_WRLCK, SEEK_SET, 8, 4}; SHOW(fcntl(other, F_SETLK, &range)); locks(fd); locks(other);
  range = (struct flock){F_RDLCK, SEEK_SET, 8, 4}; SHOW(fcntl(other, F_SETLK, &range)); locks(fd); locks(other); all(st.st_ino);
  fflush(stdout); if (fork() == 0) { locks(fd); _exit(0); } wait(NULL);
  range = (struct flock){F_UNLCK, SEEK_SET, 0, 0}; fcntl(other, F_SETLK, &range); locks(fd);
  close(other); close(fd); close(copy);
  fd = open("/tmp/told", O_RDONLY); SHOW(fcntl(fd, F_SETLEASE, F_RDLCK)); locks(fd); all(st.st_ino); close(fd); unlink("/tmp/told");
}

static void others(void) {
  printf("- others\n");
  struct utsname u; uname(&u); HOLDS(strncmp(u.release, "2.6.", 4) != 0); SHOW(personality(0x20000)); uname(&u); HOLDS(strncmp(u.release, "2.6.", 4) == 0 && atoi(u.release + 4) >= 60); personality(0);
  int in = inotify_init(); SHOW(inotify_add_watch(in, "/", IN_OPEN)); SHOW(inotify_add_watch(in, "/tmp", IN_CREATE)); char name[50], line[200]; sprintf(name, "/proc/self/fdinfo/%d", in);
  FILE *f = fopen(name, "r"); while (fgets(line, sizeof line, f)) if (!strncmp(line, "inotify", 7)) printf("  %.12s\n", line); fclose(f);
  int ptm = open("/dev/ptmx", O_RDWR | O_NOCTTY), index = -1, told = -2; ioctl(ptm, TIOCGPTN, &index); sprintf(name, "/proc/self/fdinfo/%d", ptm);
  f = fopen(name, "r"); while (fgets(line, sizeof line, f)) sscanf(line, "tty-index: %d", &told); fclose(f); HOLDS(index == told);
  f = fopen("/proc/tty/drivers", "r"); while (fgets(line, sizeof line, f)) if (strstr(line, "ptmx") || strstr(line, "pty_")) printf("  %s", line); fclose(f);
}

/* What is mounted over a link is there in its place, and may be a link itself. */
static void links(void) {
  printf("- links\n");
  unshare(CLONE_NEWNS); mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL); mkdir("/tmp/links", 0700); mount("none", "/tmp/links", "tmpfs", 0, ""); chdir("/tmp/links");
  char text[20]; const char *files[] = {"a", "b"};
  for (int i = 0; i < 2; i++) { int fd = open(files[i], O_CREAT | O_WRONLY, 0600); write(fd, files[i], 1); close(fd); }
  symlink("a", "to-a"); symlink("b", "to-b");
  int tree = syscall(428, AT_FDCWD, "a", 1); SHOW(syscall(429, tree, "", AT_FDCWD, "to-b", 4)); close(tree);
  int fd = open("to-b", O_RDONLY); memset(text, 0, 20); read(fd, text, 1); printf("  to-b: %s\n", text); close(fd);
  struct stat st; lstat("to-b", &st); SHOW(S_ISREG(st.st_mode)); SHOW(readlink("to-b", text, 20)); SHOW(umount2("to-b", UMOUNT_NOFOLLOW)); SHOW(readlink("to-b", text, 20));
  tree = syscall(428, AT_FDCWD, "to-a", 1 | 0x100); SHOW(syscall(429, tree, "", AT_FDCWD, "to-b", 4)); close(tree);
  fd = open("to-b", O_RDONLY); memset(text, 0, 20); read(fd, text, 1); printf("  to-b: %s\n", text); close(fd);
  memset(text, 0, 20); SHOW(readlink("to-b", text, 20)); printf("  %s\n", text); SHOW(open("to-b", O_RDONLY | O_NOFOLLOW)); SHOW(umount2("to-b", UMOUNT_NOFOLLOW)); SHOW(umount2("to-b", UMOUNT_NOFOLLOW));
  chdir("/"); umount2("/tmp/links", MNT_DETACH); rmdir("/tmp/links");
}

static void owners(void) {
  printf("- owners\n");
  int ready[2]; pipe(ready);
  pid_t child = fork();
  if (child == 0) { setgid(77); setuid(88); write(ready[1], "", 1); pause(); _exit(0); }
  char path[64], byte; struct stat st;
  read(ready[0], &byte, 1);
  const char *names[] = {"", "/fd", "/fdinfo", "/task", "/net", "/ns", "/status", "/environ", "/fdinfo/0"};
  for (unsigned at = 0; at < sizeof names / sizeof *names; at++) {
    snprintf(path, sizeof path, "/proc/%d%s", child, names[at]);
    lstat(path, &st); printf("  %s: %o %u %u\n", names[at], st.st_mode & 07777, st.st_uid, st.st_gid);
  }
  kill(child, SIGKILL); waitpid(child, NULL, 0);
}

int main(void) {
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  sockets(); held(); others(); links(); owners();
  return 0;
}
