#include "abi.h"
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/xattr.h>
#include <linux/sockios.h>

/* What lseek, splice, sendfile, xattrs, FIOASYNC and SIOCGSTAMP do at the edges of what they are for. */
static void ends(void) {
  const char *names[] = {"/proc/meminfo", "/proc/stat", "/proc/self/status", "/proc/self/maps", "/proc/self/mounts", "/proc/self/comm", "/proc/net/dev", "/proc/self/cmdline", "/proc/self/oom_score_adj",
    "/proc/self/coredump_filter", "/proc/sys/kernel/ostype", "/proc", "/proc/self/fd", "/sys", "/sys/class/net/lo/mtu", "/dev", "/dev/shm", "/dev/zero"};
  for (size_t at = 0; at < sizeof names / sizeof *names; at++) {
    int fd = open(names[at], O_RDONLY);
    printf("- %s\n", names[at]);
    SHOW(lseek(fd, 0, SEEK_END)); SHOW(lseek(fd, -1, SEEK_SET)); SHOW(lseek(fd, 1000, SEEK_SET)); SHOW(lseek(fd, 0, SEEK_CUR));
    close(fd);
  }
}

static void splices(void) {
  printf("- beyond all places\n");
  int pair[2], file = memfd_create("ends", 0); static char bytes[4096];
  pipe(pair); write(pair[1], bytes, sizeof bytes);
  loff_t at = 0x7ffffffffffffffe; SHOW(splice(pair[0], NULL, file, &at, 3, 0)); at = 0x7ffffffffffffffe; SHOW(splice(file, &at, pair[1], NULL, 3, 0));
  printf("- sent to itself\n");
  off_t from = 0; struct stat st; char text[100] = "";
  write(file, "\1", 1); SHOW(sendfile(file, file, &from, 300000)); SHOW(from); fstat(file, &st); SHOW(st.st_size); SHOW(lseek(file, 0, SEEK_CUR));
  int recurs = memfd_create("recurs", 0); write(recurs, "abcdefgh", 8); lseek(recurs, 3, SEEK_SET); from = 0;
  SHOW(sendfile(recurs, recurs, &from, 20)); SHOW(pread(recurs, text, sizeof text - 1, 0)); puts(text);
  lseek(recurs, 0, SEEK_SET); from = 2; memset(text, 0, sizeof text); SHOW(sendfile(recurs, recurs, &from, 20)); SHOW(pread(recurs, text, sizeof text - 1, 0)); puts(text);
}

static void attributes(void) {
  const char *names[] = {"/proc/self/status", "/proc"}; char bytes[64];
  for (int at = 0; at < 2; at++) {
    printf("- attributes of %s\n", names[at]);
    SHOW(removexattr(names[at], "system.posix_acl_access")); SHOW(removexattr(names[at], "system.posix_acl_default")); SHOW(removexattr(names[at], "user.a")); SHOW(removexattr(names[at], "trusted.a"));
    SHOW(getxattr(names[at], "system.posix_acl_access", bytes, 64)); SHOW(getxattr(names[at], "user.a", bytes, 64)); SHOW(setxattr(names[at], "system.posix_acl_access", "\2\0\0\0", 4, 0)); SHOW(setxattr(names[at], "trusted.a", "a", 1, 0));
  }
}

static void notified(void) {
  const char *names[] = {"/dev/fuse", "/dev/urandom", "/dev/random", "/dev/zero"}; int on = 1, off = 0;
  for (int at = 0; at < 4; at++) {
    printf("- signals of %s\n", names[at]);
    int fd = open(names[at], O_RDONLY), before = fcntl(fd, F_GETFL);
    SHOW(ioctl(fd, FIOASYNC, &off)); SHOW(ioctl(fd, FIOASYNC, &on)); SHOW(fcntl(fd, F_GETFL) ^ before); SHOW(fcntl(fd, F_SETFL, before | O_ASYNC | O_NONBLOCK)); SHOW(fcntl(fd, F_GETFL) ^ before);
    close(fd);
  }
}

static long later(struct timeval *one, struct timeval *other) { return (one->tv_sec - other->tv_sec) * 1000000L + one->tv_usec - other->tv_usec; }

static void stamps(void) {
  printf("- stamps\n");
  int ear = socket(AF_INET, SOCK_DGRAM, 0), from = socket(AF_INET, SOCK_DGRAM, 0), on = 1, pair[2]; struct sockaddr_in here = {AF_INET, htons(5555), {htonl(0x7f000001)}};
  struct timeval first, second; struct timespec fine; char byte;
  bind(ear, (void *)&here, sizeof here); connect(from, (void *)&here, sizeof here);
  SHOW(ioctl(ear, SIOCGSTAMP, &first)); write(from, "x", 1); read(ear, &byte, 1); SHOW(ioctl(ear, SIOCGSTAMP, &first)); HOLDS(first.tv_sec > 1600000000); SHOW(ioctl(ear, SIOCGSTAMP, NULL));
  usleep(2000); write(from, "x", 1); read(ear, &byte, 1); SHOW(ioctl(ear, SIOCGSTAMP, &second)); HOLDS(later(&second, &first) > 0);
  SHOW(ioctl(ear, SIOCGSTAMPNS, &fine)); HOLDS(fine.tv_sec == second.tv_sec && fine.tv_nsec / 1000 == second.tv_usec);
  setsockopt(ear, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on); usleep(2000); write(from, "x", 1); read(ear, &byte, 1); SHOW(ioctl(ear, SIOCGSTAMP, &first)); HOLDS(later(&second, &first) == 0);
  SHOW(ioctl(from, SIOCGSTAMP, &first)); socketpair(AF_UNIX, SOCK_DGRAM, 0, pair); write(pair[0], "x", 1); read(pair[1], &byte, 1); SHOW(ioctl(pair[1], SIOCGSTAMP, &first));
  int other = socket(AF_NETLINK, SOCK_RAW, 0); SHOW(ioctl(other, SIOCGSTAMP, &first)); other = socket(AF_INET, SOCK_STREAM, 0); SHOW(ioctl(other, SIOCGSTAMP, &first));
}

int main(void) {
  ends(); splices(); attributes(); notified(); stamps();
  return 0;
}
