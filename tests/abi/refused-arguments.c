#include "abi.h"
/* Arguments that calls refuse, or don't look at, beside those that manuals tell of. */
#include <arpa/inet.h>
#include <linux/kcmp.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/xattr.h>
static char one[16] = "one", two[16] = "two";
/* Each refuses flags before it has moved anything. */
static void processes(void) {
  struct iovec local = {one, 4}, remote = {two, 4};
  SHOW(process_vm_readv(getpid(), &local, 1, &remote, 1, 1));
  SHOW(process_vm_writev(getpid(), &local, 1, &remote, 1, -1L));
  printf("%s %s\n", one, two);
  SHOW(process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
  printf("%s %s\n", one, two);
}
/* Who has never noted anything to undo has no list, and so has the same as others. */
static int compared(int expected) {
  pid_t parent = getppid();
  return syscall(SYS_kcmp, parent, getpid(), KCMP_SYSVSEM, 0, 0) == expected;
}
static void lists(void) {
  int status;
  if (fork() == 0) _exit(compared(0));
  wait(&status);
  HOLDS(WEXITSTATUS(status));
  int set = semget(IPC_PRIVATE, 1, 0600);
  struct sembuf up = {0, 1, SEM_UNDO};
  semop(set, &up, 1);
  if (fork() == 0) _exit(!compared(0) && !compared(-1));
  wait(&status);
  HOLDS(WEXITSTATUS(status));
  SHOW(syscall(SYS_kcmp, getpid(), getpid(), KCMP_SYSVSEM, 0, 0));
  semctl(set, 0, IPC_RMID);
}
static void devices(void) {
  static const char *const names[] = {"/dev/full", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"};
  for (int i = 0; i < 5; i++) {
    int fd = open(names[i], O_RDWR);
    char *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    printf("%s: %s %s\n", names[i], at == MAP_FAILED ? name_of(errno) : *at == 0 ? "zero" : "?",
           shared == MAP_FAILED ? name_of(errno) : (*shared = 1, "written"));
    close(fd);
  }
}
/* A default list is a directory's. */
static void lists_of_access(void) {
  static const unsigned char list[] = {2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 4, 0, 4, 0, 255, 255, 255, 255,
                                       32, 0, 4, 0, 255, 255, 255, 255};
  int fd = open("/tmp/refused", O_CREAT | O_RDWR, 0600);
  SHOW(fsetxattr(fd, "system.posix_acl_default", list, sizeof list, 0));
  SHOW(fsetxattr(fd, "system.posix_acl_default", list, 4, 0));
  SHOW(fsetxattr(fd, "system.posix_acl_access", list, sizeof list, 0));
  close(fd);
  unlink("/tmp/refused");
}
/* Who sends a frame needn't name the family, who binds must. */
static void packets(void) {
  unshare(CLONE_NEWNET);
  int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  SHOW(ioctl(fd, SIOCSIFFLAGS, &up));
  struct sockaddr_ll to = {.sll_ifindex = if_nametoindex("lo"), .sll_protocol = htons(ETH_P_ALL)};
  char frame[60] = {0};
  SHOW(sendto(fd, frame, sizeof frame, 0, (struct sockaddr *)&to, sizeof to));
  SHOW(bind(fd, (struct sockaddr *)&to, sizeof to));
  to.sll_family = AF_PACKET;
  SHOW(bind(fd, (struct sockaddr *)&to, sizeof to));
}
int main(void) {
  processes();
  lists();
  devices();
  lists_of_access();
  packets();
  return 0;
}
