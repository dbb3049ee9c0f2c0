/* Has sockets of each kind that a host carries, and tells what becomes of them. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in at(const char *address, int port) {
  return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(address) };
}

/* Waits for news of a socket, reads, and tells both. */
static int hear(const char *name, int fd, struct sockaddr_in *from) {
  char word[32];
  socklen_t size = sizeof *from;
  struct pollfd news = { .fd = fd, .events = POLLIN };
  poll(&news, 1, -1);
  errno = 0;
  int length = recvfrom(fd, word, sizeof word, 0, (struct sockaddr *)from, &size);
  printf("%s %s%d %s %.*s\n", name, news.revents & POLLERR ? "POLLERR " : "", length, strerror(errno),
         length > 0 ? length : 0, word);
  fflush(stdout);
  return length;
}

int main(void) {
  struct sockaddr_in web = at("10.0.0.2", 80), slow = at("10.0.0.2", 81), names = at("10.0.0.2", 53), from;
  struct sockaddr_in here = at("0.0.0.0", 5300);
  int connection = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(connection, (struct sockaddr *)&web, sizeof web) != 0) return 1;
  int server = socket(AF_INET, SOCK_DGRAM, 0);
  if (bind(server, (struct sockaddr *)&here, sizeof here) != 0) return 2;
  int asker = socket(AF_INET, SOCK_DGRAM, 0);
  connect(asker, (struct sockaddr *)&names, sizeof names);
  send(asker, "one", 3, 0);
  printf("ready\n");
  fflush(stdout);
  getchar();
  int attempt = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  connect(attempt, (struct sockaddr *)&slow, sizeof slow);
  hear("connection", connection, &from);
  hear("connection", connection, &from);
  hear("attempt", attempt, &from);
  hear("asker", asker, &from);
  errno = 0;
  printf("asker sent %d\n", (int)send(asker, "two", 3, 0));
  if (hear("server", server, &from) < 0) from = names;
  errno = 0;
  int sent = sendto(server, "heard", 5, 0, (struct sockaddr *)&from, sizeof from);
  printf("server sent %d %s\n", sent, strerror(errno));
  return 0;
}
