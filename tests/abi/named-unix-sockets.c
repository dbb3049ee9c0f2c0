/* AF_UNIX: the mode of a socket's file, and whose name comes with what was received, for each type. */
#include "abi.h"
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
static socklen_t named(struct sockaddr_un *address, const char *name) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  strcpy(address->sun_path + 1, name);
  return offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name);
}
static void take(int fd) {
  char byte;
  struct sockaddr_un from = {0};
  socklen_t length = sizeof from;
  SHOW(recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from, &length));
  printf("from %d %s\n", (int)length, length > 2 ? strrchr(from.sun_path + 1, 45) : "nobody");
}
int main(void) {
  char folder[] = "/dev/shm/unXXXXXX", name[64];
  mkdtemp(folder);
  chdir(folder);
  int types[] = {SOCK_STREAM, SOCK_SEQPACKET};
  for (int i = 0; i < 2; i++) {
    struct sockaddr_un address;
    sprintf(name, "%s-listens", folder);
    socklen_t length = named(&address, name);
    int listener = socket(AF_UNIX, types[i], 0), client = socket(AF_UNIX, types[i], 0);
    SHOW(bind(listener, (struct sockaddr *)&address, length));
    SHOW(listen(listener, 1));
    SHOW(connect(client, (struct sockaddr *)&address, length));
    int accepted = accept(listener, NULL, NULL);
    /* nobody tells a name before there is one; then it is that of the moment in which it is read */
    SHOW(write(client, "a", 1));
    take(accepted);
    SHOW(write(client, "b", 1));
    sprintf(name, "%s-connects", folder);
    length = named(&address, name);
    SHOW(bind(client, (struct sockaddr *)&address, length));
    take(accepted);
    SHOW(write(accepted, "c", 1));
    take(client);
    SHOW(write(client, "d", 1));
    close(client);
    take(accepted);
    close(accepted);
    close(listener);
  }
  /* the file has the mode of the socket, less the umask */
  umask(0123);
  struct sockaddr_un address = {AF_UNIX, "file"};
  struct stat st;
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  SHOW(fstat(fd, &st));
  printf("mode %o\n", st.st_mode);
  SHOW(fchmod(fd, 0765));
  SHOW(bind(fd, (struct sockaddr *)&address, sizeof address));
  SHOW(stat("file", &st));
  printf("mode %o\n", st.st_mode);
  unlink("file");
  rmdir(folder);
}
