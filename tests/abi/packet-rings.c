#include "abi.h"
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Memory that a packet socket shares with a program (packet(7), PACKET_RX_RING, PACKET_TX_RING), over a lo of its own. */
#define TYPE 0x88b5
#define PAGE 4096
#define SET(fd, name, value) setsockopt(fd, SOL_PACKET, name, &(value), sizeof(value))

static int socket_of(int kind, int version) {
  int fd = socket(AF_PACKET, kind, htons(TYPE));
  struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(TYPE), .sll_ifindex = if_nametoindex("lo")};
  bind(fd, (void *)&at, sizeof at);
  SET(fd, PACKET_VERSION, version);
  return fd;
}

static void send_text(const char *text) {
  char frame[2000] = {0};
  memset(frame, 0, 12); frame[11] = 7; frame[12] = TYPE >> 8; frame[13] = (char)(TYPE & 255);
  strcpy(frame + 14, text);
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex("lo")};
  sendto(fd, frame, 14 + strlen(text), 0, (void *)&to, sizeof to);
  close(fd);
}

static int wait_for(int fd) {
  struct pollfd one = {fd, POLLIN, 0};
  return poll(&one, 1, 2000);
}

static void tell(const char *head, unsigned size, unsigned status, unsigned length, unsigned captured, unsigned mac, unsigned net) {
  const struct sockaddr_ll *from = (const void *)(head + size);
  printf("  status %x length %u captured %u mac %u net %u type %04x packet %d hardware %d from %d text %.*s\n", status, length,
         captured, mac, net, ntohs(from->sll_protocol), from->sll_pkttype, from->sll_hatype, from->sll_halen,
         (int)(captured - (net - mac)), head + net);
  fflush(stdout);
}

static void options(void) {
  int fd = socket(AF_PACKET, SOCK_RAW, 0), value = 0;
  socklen_t size = sizeof value;
  for (value = 0; value < 4; value++) SHOW(SET(fd, PACKET_VERSION, value));
  value = -1; SHOW(SET(fd, PACKET_RESERVE, value)); value = 64; SHOW(SET(fd, PACKET_RESERVE, value));
  SHOW(getsockopt(fd, SOL_PACKET, PACKET_RESERVE, &value, &size)); printf("reserve %d\n", value);
  SHOW(getsockopt(fd, SOL_PACKET, PACKET_VERSION, &value, &size)); printf("version %d\n", value);
  for (int version = 0; version < 4; version++) { value = version; SHOW(getsockopt(fd, SOL_PACKET, PACKET_HDRLEN, &value, &size)); printf("head %d\n", value); }
  size = 3; SHOW(getsockopt(fd, SOL_PACKET, PACKET_HDRLEN, &value, &size)); size = sizeof value;
  value = 1; SHOW(SET(fd, PACKET_LOSS, value)); SHOW(setsockopt(fd, SOL_PACKET, PACKET_LOSS, &value, 3));
  SHOW(getsockopt(fd, SOL_PACKET, PACKET_LOSS, &value, &size)); printf("loss %d\n", value);
  struct tpacket_req3 ring = {PAGE, 2, PAGE, 2, 0, 0, 0};
  SHOW(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(struct tpacket_req)));
  SHOW(SET(fd, PACKET_RX_RING, ring)); SHOW(SET(fd, PACKET_RX_RING, ring));
  value = TPACKET_V1; SHOW(SET(fd, PACKET_VERSION, value)); SHOW(SET(fd, PACKET_RESERVE, value)); SHOW(SET(fd, PACKET_LOSS, value));
  void *at = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  HOLDS(at != MAP_FAILED);
  struct tpacket_req3 gone = {0};
  SHOW(SET(fd, PACKET_RX_RING, gone)); SHOW(munmap(at, 2 * PAGE)); SHOW(SET(fd, PACKET_RX_RING, gone));
  SHOW(mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0));
  gone.tp_frame_nr = 1; SHOW(SET(fd, PACKET_RX_RING, gone));
  close(fd);
}

static void refused(int version, unsigned block, unsigned blocks, unsigned frame, unsigned frames, unsigned private_bytes) {
  int fd = socket_of(SOCK_RAW, version);
  struct tpacket_req3 ring = {block, blocks, frame, frames, 0, private_bytes, 0};
  printf("V%d, %u blocks of %u, %u frames of %u, %u: ", version + 1, blocks, block, frames, frame, private_bytes);
  SHOW(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, version == TPACKET_V3 ? sizeof ring : sizeof(struct tpacket_req)));
  SHOW(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, PAGE) == MAP_FAILED); SHOW(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
  close(fd);
}

static void frames(int kind, int version, unsigned reserve) {
  printf("%s frames of V%d, %u kept free\n", kind == SOCK_RAW ? "whole" : "cooked", version + 1, reserve);
  int fd = socket_of(kind, version);
  SET(fd, PACKET_RESERVE, reserve);
  struct tpacket_req ring = {PAGE, 1, 512, 8};
  send_text("before there is a ring");
  SHOW(SET(fd, PACKET_RX_RING, ring));
  char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  struct pollfd one = {fd, POLLIN, 0};
  SHOW(poll(&one, 1, 0)); SHOW(recv(fd, at, 1, MSG_DONTWAIT));
  char text[900];
  for (int turn = 0; turn < 10; turn++) {
    sprintf(text, "number %d", turn);
    if (turn == 3) { memset(text, 'x', 800); text[800] = 0; }
    send_text(text);
  }
  SHOW(wait_for(fd));
  for (int turn = 0; turn < 8; turn++) {
    char *head = at + 512 * turn;
    if (version == TPACKET_V1) {
      struct tpacket_hdr *frame = (void *)head;
      tell(head, TPACKET_ALIGN(sizeof *frame), frame->tp_status & ~TP_STATUS_CSUM_VALID, frame->tp_len, turn == 3 ? 20 : frame->tp_snaplen, frame->tp_mac, frame->tp_net);
      if (turn == 3) printf("  captured %u\n", frame->tp_snaplen);
    } else {
      struct tpacket2_hdr *frame = (void *)head;
      tell(head, TPACKET_ALIGN(sizeof *frame), frame->tp_status & ~TP_STATUS_CSUM_VALID, frame->tp_len, turn == 3 ? 20 : frame->tp_snaplen, frame->tp_mac, frame->tp_net);
      if (turn == 3) printf("  captured %u\n", frame->tp_snaplen);
    }
  }
  struct tpacket_stats lost; socklen_t size = sizeof lost;
  for (int turn = 0; turn < 2; turn++) { SHOW(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &lost, &size)); printf("  packets %u drops %u\n", lost.tp_packets, lost.tp_drops); }
  for (int turn = 0; turn < 8; turn++) *(volatile unsigned *)(at + 512 * turn) = TP_STATUS_KERNEL;
  SHOW(poll(&one, 1, 0));
  send_text("again");
  SHOW(wait_for(fd)); HOLDS(*(volatile unsigned *)at & TP_STATUS_USER);
  munmap(at, PAGE); close(fd);
}

static void blocks(void) {
  int fd = socket_of(SOCK_RAW, TPACKET_V3);
  struct tpacket_req3 ring = {PAGE, 2, 2048, 4, 50, 12, 0};
  SHOW(SET(fd, PACKET_RX_RING, ring));
  char *at = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  char text[1500];
  for (int turn = 0; turn < 8; turn++) { memset(text, 'a' + turn, 1000); text[turn == 5 ? 7 : 1000] = 0; send_text(text); }
  SHOW(wait_for(fd));
  for (int turn = 0; turn < 2; turn++) {
    struct tpacket_block_desc *block = (void *)(at + PAGE * turn);
    while (!(*(volatile unsigned *)&block->hdr.bh1.block_status & TP_STATUS_USER)) usleep(1000);
    struct tpacket_hdr_v1 *head = &block->hdr.bh1;
    printf("block %d version %u private at %u status %x packets %u first at %u length %u number %llu\n", turn, block->version, block->offset_to_priv,
           head->block_status & ~TP_STATUS_CSUM_VALID, head->num_pkts, head->offset_to_first_pkt, head->blk_len, (unsigned long long)head->seq_num);
    char *frame = (char *)block + head->offset_to_first_pkt;
    for (unsigned packet = 0; packet < head->num_pkts; packet++) {
      struct tpacket3_hdr *it = (void *)frame;
      tell(frame, TPACKET_ALIGN(sizeof *it), it->tp_status & ~TP_STATUS_CSUM_VALID, it->tp_len, it->tp_snaplen > 20 ? 20 : it->tp_snaplen, it->tp_mac, it->tp_net);
      printf("  captured %u next %u\n", it->tp_snaplen, it->tp_next_offset);
      if (packet + 1 == head->num_pkts) HOLDS(head->ts_last_pkt.ts_sec == it->tp_sec && head->ts_last_pkt.ts_nsec == it->tp_nsec);
      frame += it->tp_next_offset;
    }
  }
  struct tpacket_stats_v3 lost; socklen_t size = sizeof lost;
  SHOW(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &lost, &size)); printf("packets %u drops %u freezes %u\n", lost.tp_packets, lost.tp_drops, lost.tp_freeze_q_cnt);
  for (int turn = 0; turn < 2; turn++) ((struct tpacket_block_desc *)(at + PAGE * turn))->hdr.bh1.block_status = TP_STATUS_KERNEL;
  send_text("after a while");
  SHOW(wait_for(fd));
  struct tpacket_hdr_v1 *first = &((struct tpacket_block_desc *)at)->hdr.bh1;
  printf("block 0 status %x packets %u number %llu\n", first->block_status & ~TP_STATUS_CSUM_VALID, first->num_pkts, (unsigned long long)first->seq_num);
  munmap(at, 2 * PAGE); close(fd);
}

static void sending(int version) {
  printf("sent by V%d\n", version + 1);
  int fd = socket_of(SOCK_RAW, version), ear = socket_of(SOCK_RAW, TPACKET_V1);
  struct tpacket_req3 ring = {PAGE, 1, 1024, 4, 0, 0, 0};
  socklen_t size = version == TPACKET_V3 ? sizeof ring : sizeof(struct tpacket_req);
  SHOW(setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &ring, size));
  char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), got[100];
  SHOW(send(fd, NULL, 0, 0));
  int head = version == TPACKET_V3 ? sizeof(struct tpacket3_hdr) : 32;
  for (int turn = 0; turn < 6; turn++) {
    char *frame = at + 1024 * (turn % 4), *data = frame + head;
    memset(data, 0, 14); data[12] = TYPE >> 8; data[13] = (char)(TYPE & 255); sprintf(data + 14, "ring %d", turn);
    unsigned length = turn == 4 ? 5000 : 20;
    if (version == TPACKET_V1) ((struct tpacket_hdr *)frame)->tp_len = length;
    else if (version == TPACKET_V2) ((struct tpacket2_hdr *)frame)->tp_len = length;
    else { ((struct tpacket3_hdr *)frame)->tp_len = length; ((struct tpacket3_hdr *)frame)->tp_next_offset = 0; }
    volatile unsigned *status = version == TPACKET_V1 ? (void *)frame : version == TPACKET_V2 ? (void *)frame : (void *)&((struct tpacket3_hdr *)frame)->tp_status;
    *status = TP_STATUS_SEND_REQUEST;
    if (turn == 0) continue;
    SHOW(send(fd, NULL, 0, 0));
    for (int wait = 0; wait < 1000 && *status == TP_STATUS_SENDING; wait++) usleep(1000);
    printf("  status %x\n", *status & 7);
    for (ssize_t n; (n = recv(ear, got, sizeof got, MSG_DONTWAIT)) > 0;) printf("  heard %.*s\n", (int)n - 14, got + 14);
    if (turn == 4) break;
  }
  munmap(at, PAGE); close(fd); close(ear);
}

int main(void) {
  if (unshare(CLONE_NEWNET) < 0) { printf("no network of its own: %s\n", name_of(errno)); return 1; }
  int any = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  SHOW(ioctl(any, SIOCSIFFLAGS, &up));
  options();
  refused(TPACKET_V1, PAGE, 1, 512, 7, 0); refused(TPACKET_V1, 100, 1, 64, 1, 0); refused(TPACKET_V1, PAGE, 1, 48, 85, 0);
  refused(TPACKET_V1, PAGE, 1, 520, 7, 0); refused(TPACKET_V1, 0, 1, 512, 8, 0); refused(TPACKET_V1, PAGE, 1, 2 * PAGE, 1, 0);
  refused(TPACKET_V2, PAGE, 2, 512, 16, 0); refused(TPACKET_V3, PAGE, 1, PAGE, 1, PAGE); refused(TPACKET_V3, PAGE, 1, PAGE, 1, 0xfffffff0);
  refused(TPACKET_V3, PAGE, 1, PAGE, 1, 8);
  frames(SOCK_RAW, TPACKET_V1, 0); frames(SOCK_RAW, TPACKET_V2, 0); frames(SOCK_DGRAM, TPACKET_V2, 0); frames(SOCK_RAW, TPACKET_V2, 20);
  blocks();
  sending(TPACKET_V1); sending(TPACKET_V2); sending(TPACKET_V3);
  return 0;
}
