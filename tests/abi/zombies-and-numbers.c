/* What a process that has ended still answers to; numbers and lines of /proc; addresses that ping sockets take. */
#include "abi.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
static void ping(int family, const char *text) {
  struct sockaddr_storage address = {.ss_family = family};
  int fd = socket(family, SOCK_DGRAM, family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
  inet_pton(family, text,
            family == AF_INET ? (void *)&((struct sockaddr_in *)&address)->sin_addr : &((struct sockaddr_in6 *)&address)->sin6_addr);
  printf("%s\n", text);
  SHOW(bind(fd, (struct sockaddr *)&address, family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)));
  close(fd);
}
static void first_line(const char *path) {
  char line[256];
  FILE *file = fopen(path, "r");
  fgets(line, sizeof line, file);
  printf("%s: %s", path, line);
  fclose(file);
}
int main(void) {
  int status, child = fork();
  if (child == 0) _exit(0);
  siginfo_t info;
  waitid(P_PID, child, &info, WEXITED | WNOWAIT);
  SHOW(setpriority(PRIO_PROCESS, child, 3));
  SHOW(getpriority(PRIO_PROCESS, child));
  unsigned long mask = 1;
  SHOW(syscall(SYS_sched_setaffinity, child, sizeof mask, &mask));
  SHOW(syscall(SYS_sched_getscheduler, child));
  SHOW(setpgid(child, child));
  HOLDS(getpgid(child) == child);
  int second = fork();
  if (second == 0) _exit(setpgid(0, child) != 0);
  waitpid(second, &status, 0);
  printf("joined the group of one that has ended: %x\n", status);
  waitpid(child, &status, 0);
  SHOW(setpgid(child, child));
  SHOW(setpriority(PRIO_PROCESS, child, 3));
  struct stat st;
  stat("/proc", &st);
  SHOW(st.st_ino);
  stat("/proc/self/task", &st);
  SHOW(st.st_nlink);
  first_line("/proc/net/tcp");
  first_line("/proc/net/tcp6");
  first_line("/proc/net/udp");
  first_line("/proc/net/udp6");
  first_line("/proc/net/raw");
  first_line("/proc/net/raw6");
  first_line("/proc/net/icmp");
  /* an area without a name ends with a space */
  char *area = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), line[512], start[32];
  FILE *maps = fopen("/proc/self/maps", "r");
  sprintf(start, "%08lx-", (long)area);
  while (fgets(line, sizeof line, maps))
    if (strncmp(line, start, strlen(start)) == 0) printf("maps:%s.\n", strchr(line, ' '));
  char *written = mmap(0, 8192, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  FILE *smaps = fopen("/proc/self/smaps", "r");
  unsigned long first, last;
  for (int inside = 0; fgets(line, sizeof line, smaps);) {
    if (sscanf(line, "%lx-%lx ", &first, &last) == 2) inside = first <= (unsigned long)written && (unsigned long)written < last;
    if (inside && strncmp(line, "VmFlags:", 8) == 0) printf("read %d write %d\n", strstr(line, " rd") != NULL, strstr(line, " wr") != NULL);
  }
  int range = open("/proc/sys/net/ipv4/ping_group_range", O_RDWR);
  char kept[64];
  int length = read(range, kept, sizeof kept);
  pwrite(range, "0 0", 3, 0);
  const char *v4[] = {"0.0.0.0", "127.0.0.1", "255.255.255.255", "127.255.255.255", "224.0.0.1", "1.2.3.4"};
  const char *v6[] = {"::", "::1", "ff02::1", "ff05::1:3"};
  for (int i = 0; i < 6; i++) ping(AF_INET, v4[i]);
  for (int i = 0; i < 4; i++) ping(AF_INET6, v6[i]);
  pwrite(range, kept, length, 0);
}
