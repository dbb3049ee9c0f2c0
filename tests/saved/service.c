/* Talks to a service of the host, passes it a file, and tells what becomes of the connection. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int hear(int fd) {
  char word[32];
  struct pollfd news = { .fd = fd, .events = POLLIN };
  poll(&news, 1, -1);
  errno = 0;
  int length = read(fd, word, sizeof word);
  printf("%d %s %.*s\n", length, strerror(errno), length > 0 ? length : 0, word);
  fflush(stdout);
  return length;
}

int main(void) {
  struct sockaddr_un service = { .sun_family = AF_UNIX, .sun_path = "/tmp/service" };
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&service, sizeof service) != 0) return 1;
  int pool = memfd_create("pool", 0);
  ftruncate(pool, 4096);
  char control[CMSG_SPACE(sizeof pool)] = { 0 };
  struct iovec bytes = { "hello", 5 };
  struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control,
                            .msg_controllen = sizeof control };
  struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
  *rights = (struct cmsghdr){ CMSG_LEN(sizeof pool), SOL_SOCKET, SCM_RIGHTS };
  memcpy(CMSG_DATA(rights), &pool, sizeof pool);
  sendmsg(fd, &message, 0);
  hear(fd);
  hear(fd);
  errno = 0;
  int again = connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&service, sizeof service);
  printf("again: %d %s\n", again, strerror(errno));
  return 0;
}
