/* What comes with the bytes of streams: credentials that keep them apart (AF_UNIX), times and what is left (TCP). */
#include "abi.h"
#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
static void take(int fd, int room) {
  char bytes[64], control[256];
  struct iovec part = {bytes, room};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  errno = 0;
  int taken = recvmsg(fd, &message, MSG_DONTWAIT);
  printf("took %d %s\n", taken, name_of(errno));
  if (taken < 0) return;
  for (struct cmsghdr *told = CMSG_FIRSTHDR(&message); told != NULL; told = CMSG_NXTHDR(&message, told)) {
    printf("  level %d type %d length %d", told->cmsg_level, told->cmsg_type, (int)told->cmsg_len);
    if (told->cmsg_level == SOL_SOCKET && told->cmsg_type == SCM_CREDENTIALS) {
      struct ucred *who = (struct ucred *)CMSG_DATA(told);
      printf(" %s uid %d gid %d", who->pid == getpid() ? "self" : "nobody", who->uid, who->gid);
    }
    if (told->cmsg_level == IPPROTO_TCP) printf(" left %d", *(int *)CMSG_DATA(told));
    puts("");
  }
  fflush(stdout);
}
static void pass(int fd, int on) { setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on); }
int main(void) {
  int pair[2], on = 1;
  for (int way = 0; way < 3; way++) {
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    printf("way %d\n", way);
    pass(pair[1], way != 1);
    write(pair[0], "ab", 2);
    pass(pair[1], way == 1);
    write(pair[0], "cd", 2);
    pass(pair[1], way == 2);
    write(pair[0], "ef", 2);
    pass(pair[1], 1);
    take(pair[1], 3);
    take(pair[1], 9);
    take(pair[1], 9);
    take(pair[1], 9);
    close(pair[0]);
    close(pair[1]);
  }
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
  bind(listener, (struct sockaddr *)&address, sizeof address);
  listen(listener, 1);
  getsockname(listener, (struct sockaddr *)&address, &length);
  SHOW(connect(client, (struct sockaddr *)&address, length));
  int accepted = accept(listener, NULL, NULL);
  SHOW(setsockopt(accepted, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on));
  /* Linux begins to stamp a while later (net/core/dev.c, netstamp_clear) */
  usleep(300000);
  write(client, "abcdef", 6);
  usleep(20000);
  take(accepted, 2);
  SHOW(setsockopt(accepted, IPPROTO_TCP, TCP_INQ, &on, sizeof on));
  take(accepted, 2);
  take(accepted, 2);
  take(accepted, 2);
  close(client);
  usleep(20000);
  take(accepted, 2);
}
