/* Networks of the loopback are the machine's own as a whole; sockets have addresses that all stations hear. */
#include "abi.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#define AT(a) (struct sockaddr *)&(a), sizeof(a)
static struct sockaddr_in at(const char *text, int port) {
  struct sockaddr_in made = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, text, &made.sin_addr);
  return made;
}
static void take(int fd) {
  char bytes[8];
  struct sockaddr_in sender = {0};
  socklen_t length = sizeof sender;
  SHOW(recvfrom(fd, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&sender, &length));
  printf("from %s\n", inet_ntoa(sender.sin_addr));
}
int main(void) {
  unshare(CLONE_NEWNET);
  struct ifreq request = {.ifr_name = "lo"};
  int on = 1, fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in address = at("192.0.2.1", 0), mask = at("255.255.255.0", 0);
  memcpy(&request.ifr_addr, &address, sizeof address);
  SHOW(ioctl(fd, SIOCSIFADDR, &request));
  memcpy(&request.ifr_addr, &mask, sizeof mask);
  SHOW(ioctl(fd, SIOCSIFNETMASK, &request));
  request.ifr_flags = IFF_UP;
  SHOW(ioctl(fd, SIOCSIFFLAGS, &request));
  const char *places[] = {"192.0.2.1", "192.0.2.77", "192.0.2.255", "192.0.2.0", "192.0.3.1", "255.255.255.255", "224.0.0.1"};
  for (int i = 0; i < 7; i++) {
    struct sockaddr_in place = at(places[i], 0);
    int types[] = {SOCK_DGRAM, SOCK_STREAM, SOCK_RAW};
    printf("%s\n", places[i]);
    for (int j = 0; j < 3; j++) {
      int one = socket(AF_INET, types[j], j == 2 ? IPPROTO_UDP : 0);
      SHOW(bind(one, AT(place)));
      close(one);
    }
  }
  struct sockaddr_in receiver = at("192.0.2.99", 4567), sender = at("192.0.2.77", 0), all = at("192.0.2.255", 4567);
  int hears = socket(AF_INET, SOCK_DGRAM, 0), hearing = socket(AF_INET, SOCK_DGRAM, 0);
  SHOW(bind(hears, AT(receiver)));
  SHOW(bind(fd, AT(sender)));
  SHOW(sendto(fd, "abc", 3, 0, AT(receiver)));
  take(hears);
  SHOW(bind(hearing, AT(all)));
  SHOW(sendto(fd, "abc", 3, 0, AT(all)));
  SHOW(setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on));
  SHOW(sendto(fd, "abc", 3, 0, AT(all)));
  take(hears);
  take(hearing);
  int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
  SHOW(bind(listener, AT(receiver)));
  SHOW(listen(listener, 1));
  SHOW(connect(client, AT(receiver)));
  struct sockaddr_in name;
  socklen_t length = sizeof name;
  SHOW(getsockname(client, (struct sockaddr *)&name, &length));
  printf("%s\n", inet_ntoa(name.sin_addr));
}
