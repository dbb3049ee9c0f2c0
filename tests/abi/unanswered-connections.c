/* How long connect(2) waits for a listener that has no room: TCP_SYNCNT, TCP_USER_TIMEOUT, net.ipv4.tcp_syn_retries. */
#include "abi.h"
#include <sched.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static struct sockaddr_in a = {.sin_family = AF_INET};
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}
static int made(int retries, int limit, int flags) {
  int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
  if (retries) setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &retries, 4);
  if (limit) setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, 4);
  return fd;
}
static int asked(int fd, int option) {
  int value = -1; socklen_t length = 4;
  getsockopt(fd, option == SO_ERROR ? SOL_SOCKET : IPPROTO_TCP, option, &value, &length);
  return value;
}
/* Each in a process of its own, all at a time; what they print is put in order. */
static int reports[2];
static pid_t waits(int retries, int limit, double least, double most) {
  pid_t pid = fork();
  if (pid) return pid;
  int fd = made(retries, limit, 0);
  double begun = now();
  int result = connect(fd, (void *)&a, sizeof a), error = errno;
  double took = now() - begun;
  char text[128];
  int n = sprintf(text, "%d retries, %d ms: %d %s, %s\n", retries, limit, result, result ? name_of(error) : "",
                  took >= least && took < most ? "in time" : "at another time");
  if (took < least || took >= most) fprintf(stderr, "%d %d: %f\n", retries, limit, took);
  write(reports[1], text, n);
  _exit(0);
}
static void all(void) {
  char text[4096], *line[32]; int n = 0, lines = 0;
  while (wait(0) > 0);
  n = read(reports[0], text, sizeof text - 1);
  text[n] = 0;
  for (char *at = strtok(text, "\n"); at; at = strtok(0, "\n")) line[lines++] = at;
  for (int i = 0; i < lines; i++) for (int j = i + 1; j < lines; j++)
    if (strcmp(line[i], line[j]) > 0) { char *t = line[i]; line[i] = line[j]; line[j] = t; }
  for (int i = 0; i < lines; i++) puts(line[i]);
}
static void setting(const char *name, const char *value) {
  char path[128], text[16] = "";
  sprintf(path, "/proc/sys/net/ipv4/%s", name);
  int fd = open(path, O_RDWR);
  if (value) printf("%s: %s\n", name, write(fd, value, strlen(value)) < 0 ? name_of(errno) : "written");
  else { read(fd, text, 15); printf("%s is %s", name, text); }
  close(fd);
}

int main(void) {
  if (unshare(CLONE_NEWNET)) { perror("unshare"); return 1; }
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq q = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  if (ioctl(s, SIOCSIFFLAGS, &q)) perror("up");
  pipe(reports);
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  socklen_t length = sizeof a;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bind(listener, (void *)&a, sizeof a); getsockname(listener, (void *)&a, &length); listen(listener, 0);
  int first = made(0, 0, 0);
  SHOW(connect(first, (void *)&a, sizeof a));

  puts("\nBy the option:");
  waits(1, 0, 2.9, 4); waits(2, 0, 6.9, 8); waits(0, 300, 0.9, 1.4); waits(0, 2500, 2.4, 2.9); waits(1, 4500, 4.4, 4.9);
  waits(1, 60000, 6.9, 8);
  all();

  puts("\nBy the setting:");
  setting("tcp_syn_retries", 0); setting("tcp_syn_linear_timeouts", 0);
  setting("tcp_syn_retries", "0"); setting("tcp_syn_retries", "128"); setting("tcp_syn_linear_timeouts", "128");
  int fd = made(0, 0, 0);
  SHOW(asked(fd, TCP_SYNCNT));
  setting("tcp_syn_retries", "1"); setting("tcp_syn_linear_timeouts", "0");
  SHOW(asked(fd, TCP_SYNCNT));
  close(fd);
  fd = made(3, 0, 0); SHOW(asked(fd, TCP_SYNCNT)); close(fd);
  waits(0, 0, 2.9, 4); waits(2, 0, 6.9, 8); waits(1, 60000, 2.9, 4);
  all();

  puts("\nWithout blocking:");
  fd = made(0, 0, SOCK_NONBLOCK);
  SHOW(connect(fd, (void *)&a, sizeof a)); SHOW(connect(fd, (void *)&a, sizeof a));
  struct pollfd p = {fd, POLLIN | POLLOUT, 0};
  SHOW(poll(&p, 1, 300)); SHOW(poll(&p, 1, 10000)); SHOW(p.revents);
  SHOW(asked(fd, SO_ERROR)); SHOW(asked(fd, SO_ERROR));
  SHOW(connect(fd, (void *)&a, sizeof a));
  SHOW(connect(fd, (void *)&a, sizeof a));
  close(fd);

  puts("\nRoom in time:");
  fd = made(0, 0, SOCK_NONBLOCK);
  SHOW(connect(fd, (void *)&a, sizeof a));
  close(accept(listener, 0, 0));
  p.fd = fd; p.events = POLLOUT;
  SHOW(poll(&p, 1, 10000)); SHOW(asked(fd, SO_ERROR));
  usleep(4000000);
  p.events = POLLIN;
  SHOW(poll(&p, 1, 0)); SHOW(asked(fd, SO_ERROR)); SHOW(send(fd, "a", 1, 0));
  close(fd);

  puts("\nGiven up by the program:");
  close(accept(listener, 0, 0));
  fd = made(0, 0, 0); SHOW(connect(fd, (void *)&a, sizeof a));
  int other = made(0, 0, SOCK_NONBLOCK);
  SHOW(connect(other, (void *)&a, sizeof a));
  struct sockaddr none = {AF_UNSPEC};
  SHOW(connect(other, &none, sizeof none));
  close(accept(listener, 0, 0));
  fcntl(other, F_SETFL, 0);
  SHOW(connect(other, (void *)&a, sizeof a));
  usleep(5000000);
  SHOW(asked(other, SO_ERROR)); SHOW(send(other, "a", 1, 0));
  return 0;
}
