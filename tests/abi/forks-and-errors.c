/* What fork leaves out or empties (madvise(2)), errors that wait in a queue (ip(7), IP_RECVERR), records of processes (acct(2)). */
#define _GNU_SOURCE
#include "abi.h"
#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <poll.h>
#include <sys/socket.h>
#define PAGE 4096
static unsigned char residency[4];

static int in_child(char *p) {
  fflush(stdout); int status; pid_t pid = fork();
  if (pid == 0) _exit(mincore(p, PAGE, residency) != 0 ? 255 : *p);
  waitpid(pid, &status, 0); return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void forks(void) {
  char *p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); memset(p, 7, 3 * PAGE);
  SHOW(in_child(p + PAGE)); SHOW(madvise(p + PAGE, PAGE, MADV_DONTFORK)); SHOW(in_child(p)); SHOW(in_child(p + PAGE)); SHOW(in_child(p + 2 * PAGE)); SHOW(p[PAGE]);
  SHOW(madvise(p + PAGE, PAGE, MADV_DOFORK)); SHOW(in_child(p + PAGE));
  SHOW(madvise(p + PAGE, PAGE, MADV_WIPEONFORK)); SHOW(in_child(p)); SHOW(in_child(p + PAGE)); SHOW(p[PAGE]);
  /* A child's child finds it empty, too. */
  fflush(stdout); int status; pid_t pid = fork(); if (pid == 0) { p[PAGE] = 9; _exit(in_child(p + PAGE)); } waitpid(pid, &status, 0); SHOW(WEXITSTATUS(status));
  SHOW(madvise(p + PAGE, PAGE, MADV_KEEPONFORK)); SHOW(in_child(p + PAGE));
  char *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); SHOW(madvise(shared, PAGE, MADV_WIPEONFORK)); SHOW(madvise(shared, PAGE, MADV_KEEPONFORK)); SHOW(madvise(shared, PAGE, MADV_DONTFORK)); SHOW(in_child(shared));
  int fd = open("/proc/self/exe", O_RDONLY); char *file = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0); SHOW(madvise(file, PAGE, MADV_WIPEONFORK));
}

static void read_error(int fd, size_t room) {
  char bytes[64] = "", control[256]; struct sockaddr_storage name; struct iovec vector = {bytes, room};
  struct msghdr m = {&name, sizeof name, &vector, 1, control, sizeof control, 0}; long n = recvmsg(fd, &m, MSG_ERRQUEUE);
  if (n < 0) { printf("error queue: %s\n", name_of(errno)); return; }
  printf("error queue: %ld bytes '%.*s', flags %s%s, to family %d, port %s\n", n, (int)n, bytes, m.msg_flags & MSG_ERRQUEUE ? "ERRQUEUE " : "", m.msg_flags & MSG_TRUNC ? "TRUNC" : "", name.ss_family,
         ((struct sockaddr_in *)&name)->sin_port == htons(9) ? "9" : "another");
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
    struct sock_extended_err *e = (void *)CMSG_DATA(c); struct sockaddr *by = SO_EE_OFFENDER(e);
    printf("  level %d type %d length %d: %s origin %d type %d code %d info %u data %u by family %d port %d\n", c->cmsg_level, c->cmsg_type, (int)c->cmsg_len, name_of(e->ee_errno), e->ee_origin, e->ee_type, e->ee_code, e->ee_info, e->ee_data,
           by->sa_family, by->sa_family == AF_INET ? ((struct sockaddr_in *)by)->sin_port : ((struct sockaddr_in6 *)by)->sin6_port);
  }
}

static void errors(int family, int level, int option) {
  struct sockaddr_in v4 = {AF_INET, htons(9), {htonl(INADDR_LOOPBACK)}}; struct sockaddr_in6 v6 = {AF_INET6, htons(9)}; v6.sin6_addr.s6_addr[15] = 1;
  struct sockaddr *to = family == AF_INET ? (void *)&v4 : (void *)&v6; socklen_t size = family == AF_INET ? sizeof v4 : sizeof v6;
  int fd = socket(family, SOCK_DGRAM, 0), one = 1, error; socklen_t length = sizeof error; char bytes[8]; struct pollfd p = {fd, POLLIN};
  /* Nobody is told that did not ask, or connect. */
  SHOW(sendto(fd, "one", 3, 0, to, size)); SHOW(poll(&p, 1, 50)); read_error(fd, 64);
  SHOW(setsockopt(fd, level, option, &one, sizeof one)); SHOW(sendto(fd, "two", 3, 0, to, size)); SHOW(poll(&p, 1, 1000)); SHOW(p.revents & POLLERR ? 1 : 0);
  SHOW(sendto(fd, "three", 5, 0, to, size)); SHOW(sendto(fd, "four", 4, 0, to, size)); usleep(50000);
  read_error(fd, 64); read_error(fd, 2); SHOW(recv(fd, bytes, 8, MSG_DONTWAIT)); read_error(fd, 64);
  SHOW(connect(fd, to, size)); SHOW(send(fd, "five", 4, 0)); usleep(50000); SHOW(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length)); printf("%s\n", name_of(error)); SHOW(send(fd, "six", 3, 0)); usleep(50000);
  read_error(fd, 64); SHOW(recv(fd, bytes, 8, MSG_DONTWAIT)); SHOW(recv(fd, bytes, 8, MSG_DONTWAIT)); read_error(fd, 64); read_error(fd, 64); close(fd);
}

int main(void) {
  forks(); errors(AF_INET, IPPROTO_IP, IP_RECVERR); errors(AF_INET6, IPPROTO_IPV6, 25);
  return 0;
}
