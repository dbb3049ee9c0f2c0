#include "abi.h"
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* SIOCETHTOOL: what drivers say that their interfaces can do (`ethtool -k`), and how fast they are. */
static int asking;

static int ask(const char *name, void *what) {
  struct ifreq request = {0};
  strcpy(request.ifr_name, name);
  request.ifr_data = what;
  return ioctl(asking, SIOCETHTOOL, &request);
}

static void veth(const char *name) {
  int netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  char answer[4096];
  struct {
    struct nlmsghdr head;
    struct ifinfomsg link;
    struct nlattr name;
    char called[16];
    struct nlattr info, kind;
    char veth[4];
  } message = {{sizeof message, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, 1}, {.ifi_index = 7}, {20, IFLA_IFNAME}, "",
    {12, IFLA_LINKINFO}, {8, IFLA_INFO_KIND}, "veth"};
  strcpy(message.called, name);
  send(netlink, &message, sizeof message, 0);
  recv(netlink, answer, sizeof answer, 0);
  close(netlink);
}

static void tun(const char *name, int kind) {
  struct ifreq request = {.ifr_flags = kind};
  strcpy(request.ifr_name, name);
  SHOW(ioctl(open("/dev/net/tun", O_RDWR), TUNSETIFF, &request));
}

static void show(const char *name) {
  struct { struct ethtool_sset_info head; unsigned counts[2]; } sets = {{ETHTOOL_GSSET_INFO, 0, 1 << ETH_SS_STATS | 1 << ETH_SS_FEATURES}};
  printf("- %s\n", name);
  SHOW(ask(name, &sets));
  printf("  sets %llx: %u %u\n", sets.head.sset_mask, sets.counts[0], sets.counts[1]);
  for (int room = 0; room < 4; room++) {
    struct { struct ethtool_gfeatures head; struct ethtool_get_features_block block[3]; } features = {{ETHTOOL_GFEATURES, room}};
    SHOW(ask(name, &features));
    printf("  %d words\n", features.head.size);
    for (int word = 0; word < 3; word++)
      printf("  available %08x requested %08x active %08x never changed %08x\n", features.block[word].available,
             features.block[word].requested, features.block[word].active, features.block[word].never_changed);
  }
  int commands[] = {ETHTOOL_GRXCSUM, ETHTOOL_GTXCSUM, ETHTOOL_GSG, ETHTOOL_GTSO, ETHTOOL_GUFO, ETHTOOL_GGSO, ETHTOOL_GGRO, ETHTOOL_GFLAGS,
    ETHTOOL_GPFLAGS, ETHTOOL_GRINGPARAM, ETHTOOL_GPAUSEPARAM, ETHTOOL_GWOL, ETHTOOL_GEEE, ETHTOOL_GREGS, 999};
  for (int at = 0; at < sizeof commands / sizeof *commands; at++) {
    unsigned value[100] = {commands[at], 7};
    errno = 0;
    int result = ask(name, value);
    printf("  %d: %s %x\n", commands[at], name_of(errno), result == 0 ? value[1] : 0);
  }
  struct { struct ethtool_gstrings head; char names[100][32]; } names = {{ETHTOOL_GSTRINGS, ETH_SS_FEATURES}};
  SHOW(ask(name, &names));
  for (int at = 0; at < names.head.len && !strcmp(name, "lo"); at++) printf("  %d %s\n", at, names.names[at]);
  struct { struct ethtool_perm_addr head; unsigned char address[32]; } address = {{ETHTOOL_GPERMADDR, 5}};
  SHOW(ask(name, &address));
  address.head.size = 32;
  SHOW(ask(name, &address));
  printf("  %d bytes, the first %x\n", address.head.size, address.address[0]);
  if (name[0] == 'b') return;
  struct ethtool_cmd shortly = {ETHTOOL_GSET};
  int result;
  SHOW(result = ask(name, &shortly));
  if (result == 0) printf("  speed %d duplex %d port %d autoneg %d\n", shortly.speed, shortly.duplex, shortly.port, shortly.autoneg);
  struct { struct ethtool_link_settings head; unsigned masks[12]; } link = {{ETHTOOL_GLINKSETTINGS}};
  SHOW(result = ask(name, &link));
  if (result == 0) {
    printf("  words %d speed %d\n", link.head.link_mode_masks_nwords, link.head.speed);
    link.head.link_mode_masks_nwords *= -1;
    SHOW(ask(name, &link));
    printf("  words %d speed %d duplex %d port %d autoneg %d modes %x\n", link.head.link_mode_masks_nwords, link.head.speed, link.head.duplex,
           link.head.port, link.head.autoneg, link.masks[0]);
  }
}

int main(void) {
  SHOW(unshare(CLONE_NEWNET));
  asking = socket(AF_INET, SOCK_DGRAM, 0);
  veth("v0");
  SHOW(ioctl(asking, SIOCBRADDBR, "b0"));
  tun("t0", IFF_TUN);
  tun("t1", IFF_TAP);
  show("lo");
  show("v0");
  show("b0");
  show("t0");
  show("t1");
  return 0;
}
