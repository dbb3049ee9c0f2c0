/* A connection that its client resets before it is accepted is accepted all the same, and tells who it was. */
#include "abi.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
int main(void) {
  for (int takesName = 0; takesName < 2; takesName++) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, from = {0}, own;
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    bind(listener, (struct sockaddr *)&address, sizeof address);
    listen(listener, 1);
    getsockname(listener, (struct sockaddr *)&address, &length);
    SHOW(connect(client, (struct sockaddr *)&address, length));
    getsockname(client, (struct sockaddr *)&own, &length);
    struct linger reset = {1, 0};
    setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(client);
    usleep(20000);
    int accepted = takesName ? accept(listener, (struct sockaddr *)&from, &length) : accept(listener, NULL, NULL);
    HOLDS(accepted >= 0);
    if (takesName) HOLDS(length == sizeof from && from.sin_port == own.sin_port);
    char byte;
    SHOW(getpeername(accepted, (struct sockaddr *)&from, &length));
    SHOW(read(accepted, &byte, 1));
    SHOW(read(accepted, &byte, 1));
    close(accepted);
    close(listener);
  }
}
