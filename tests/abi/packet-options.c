#include "abi.h"
#include <sys/socket.h>
#include <net/if.h>
#include <net/ethernet.h>
#include <arpa/inet.h>
#include <linux/if_packet.h>
/* Options of packet sockets that are kept and told, and change nothing where no interface stands on another. */
static void each(int fd, int name) {
  char value[8] = {5}; int got = 77; socklen_t length = 4; printf("- option %d\n", name);
  SHOW(getsockopt(fd, SOL_PACKET, name, &got, &length)); SHOW(got); SHOW(length);
  SHOW(setsockopt(fd, SOL_PACKET, name, value, 3)); SHOW(setsockopt(fd, SOL_PACKET, name, value, 8)); SHOW(setsockopt(fd, SOL_PACKET, name, value, 4)); SHOW(setsockopt(fd, SOL_PACKET, name, NULL, 4)); SHOW(setsockopt(fd, SOL_PACKET, name, NULL, 0));
  length = 8; SHOW(getsockopt(fd, SOL_PACKET, name, value, &length)); SHOW(*(int *)value); SHOW(length); length = 1; value[0] = 9; value[1] = 9; SHOW(getsockopt(fd, SOL_PACKET, name, value, &length)); SHOW(value[0]); SHOW(value[1]); length = -1; SHOW(getsockopt(fd, SOL_PACKET, name, value, &length));
  *(int *)value = 0; SHOW(setsockopt(fd, SOL_PACKET, name, value, 4)); length = 4; SHOW(getsockopt(fd, SOL_PACKET, name, &got, &length)); SHOW(got);
}
int main(void) {
  int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)); if (fd < 0) { SHOW(fd); return 1; }
  each(fd, PACKET_ORIGDEV); each(fd, PACKET_QDISC_BYPASS); each(fd, PACKET_TIMESTAMP); each(fd, PACKET_AUXDATA);
  int own = socket(AF_PACKET, SOCK_DGRAM, 0), one = 1; setsockopt(fd, SOL_PACKET, PACKET_ORIGDEV, &one, 4);
  return 0;
}
