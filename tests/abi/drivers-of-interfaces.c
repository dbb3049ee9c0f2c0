#include "abi.h"
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <net/if.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
/* SIOCETHTOOL: who drives an interface (ETHTOOL_GDRVINFO), and whether it has a link. */
static int s, u; static char buffer[512];
static void begin(int type, int flags, const void *head, int length) { struct nlmsghdr *h = (void *)buffer; memset(buffer, 0, sizeof buffer); *h = (struct nlmsghdr){16 + length, type, NLM_F_REQUEST | NLM_F_ACK | flags, 1, 0}; memcpy(h + 1, head, length); h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len); }
static void *put(int type, const void *value, int length) { struct nlmsghdr *h = (void *)buffer; struct nlattr *a = (void *)(buffer + h->nlmsg_len); *a = (struct nlattr){4 + length, type}; memcpy(a + 1, value, length); h->nlmsg_len += (4 + length + 3) & ~3; return a; }
static int ask(void) { struct nlmsghdr *h = (void *)buffer; struct sockaddr_nl k = {AF_NETLINK}; char b[4096]; if (sendto(s, h, h->nlmsg_len, 0, (void *)&k, sizeof k) < 0 || recv(s, b, sizeof b, 0) < 0) return -1; errno = -*(int *)NLMSG_DATA((struct nlmsghdr *)b); return errno ? -1 : 0; }
static int link_up(int index) { struct ifinfomsg i = {AF_UNSPEC, 0, 0, index, IFF_UP, IFF_UP}; begin(RTM_NEWLINK, 0, &i, sizeof i); return ask(); }
static int veth(int index, const char *name) { struct ifinfomsg i = {AF_UNSPEC, 0, 0, index}; begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof i); put(IFLA_IFNAME, name, strlen(name) + 1); struct nlattr *info = put(IFLA_LINKINFO, "", 0); put(IFLA_INFO_KIND, "veth", 4); info->nla_len = buffer + ((struct nlmsghdr *)buffer)->nlmsg_len - (char *)info; return ask(); }
static int bridge(const char *name) { return ioctl(u, SIOCBRADDBR, name); }
static int driver(const char *name) { struct ethtool_drvinfo d; memset(&d, 'x', sizeof d); d.cmd = ETHTOOL_GDRVINFO; struct ifreq r = {0}; strcpy(r.ifr_name, name); r.ifr_data = (void *)&d; int result = ioctl(u, SIOCETHTOOL, &r); if (result == 0) printf("  %s: driver \"%s\" version \"%s\" firmware \"%s\" bus \"%s\" rom \"%s\" %u %u %u\n", name, d.driver, d.version, d.fw_version, d.bus_info, d.erom_version, d.n_priv_flags, d.testinfo_len, d.eedump_len); return result; }
static int has_link(const char *name) { struct ethtool_value v = {ETHTOOL_GLINK, 7}; struct ifreq r = {0}; strcpy(r.ifr_name, name); r.ifr_data = (void *)&v; int result = ioctl(u, SIOCETHTOOL, &r); if (result == 0) printf("  %s: link %u\n", name, v.data); return result; }
static int stamps(const char *name) { struct ethtool_ts_info t; memset(&t, 'x', sizeof t); t.cmd = ETHTOOL_GET_TS_INFO; struct ifreq r = {0}; strcpy(r.ifr_name, name); r.ifr_data = (void *)&t; int result = ioctl(u, SIOCETHTOOL, &r); if (result == 0) printf("  %s: cmd %u stamps %x clock %d sends %x receives %x\n", name, t.cmd, t.so_timestamping, t.phc_index, t.tx_types, t.rx_filters); return result; }
static int ask_driver(const char *name, void *p) { struct ifreq r = {0}; strcpy(r.ifr_name, name); r.ifr_data = p; return ioctl(u, SIOCETHTOOL, &r); }
/* What a driver counts: `ethtool -S`. */
static void counts(const char *name) {
  struct { struct ethtool_sset_info i; unsigned n[2]; } q = {{ETHTOOL_GSSET_INFO, 0, 1 << ETH_SS_STATS}}; SHOW(ask_driver(name, &q)); printf("  %s: sets %llx %u\n", name, (unsigned long long)q.i.sset_mask, q.n[0]);
  struct ethtool_gstrings *g = calloc(1, 8192); g->cmd = ETHTOOL_GSTRINGS; g->string_set = ETH_SS_STATS; struct ethtool_stats *t = calloc(1, 8192); t->cmd = ETHTOOL_GSTATS; SHOW(ask_driver(name, g)); SHOW(ask_driver(name, t)); for (unsigned i = 0; i < g->len; i++) printf("  %.32s\n", g->data + 32 * i); printf("  of %u the first is %llu\n", t->n_stats, (unsigned long long)t->data[0]);
  g->string_set = 99; SHOW(ask_driver(name, g)); q.i.sset_mask = 0; SHOW(ask_driver(name, &q)); q.i.cmd = 9999; SHOW(ask_driver(name, &q));
}
int main(void) {
  SHOW(unshare(CLONE_NEWNET)); s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); u = socket(AF_INET, SOCK_DGRAM, 0); SHOW(veth(7, "d0")); SHOW(bridge("b0"));
  SHOW(driver("lo")); SHOW(driver("d0")); SHOW(driver("b0")); SHOW(driver("none")); SHOW(stamps("lo")); SHOW(stamps("d0")); SHOW(stamps("b0")); SHOW(stamps("none")); SHOW(has_link("d0")); SHOW(link_up(7)); SHOW(link_up(if_nametoindex("veth0"))); SHOW(has_link("d0"));
  struct ifreq r = {0}; strcpy(r.ifr_name, "d0"); r.ifr_data = (void *)8; SHOW(ioctl(u, SIOCETHTOOL, &r)); counts("d0"); counts("lo"); counts("b0"); counts("none"); return 0; }
