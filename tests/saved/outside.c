/* Asks a server outside for a word, and tells what it gets. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
  char word[32];
  int connection = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = inet_addr("10.0.0.2") };
  if (connect(connection, (struct sockaddr *)&server, sizeof server) != 0) return 1;
  printf("connected\n");
  fflush(stdout);
  for (int times = 0; times < 2; times++) {
    errno = 0;
    int length = read(connection, word, sizeof word);
    printf("read %d %s %.*s\n", length, strerror(errno), length > 0 ? length : 0, word);
    fflush(stdout);
  }
  return 0;
}
