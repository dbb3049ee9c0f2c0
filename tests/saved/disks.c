/* A disk that lies in a file, with bytes that are only in its pages, while the machine is saved. */
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

int main(void) {
  int file = open("/tmp/disk", O_RDWR | O_CREAT, 0600);
  ftruncate(file, 1 << 20);
  int control = open("/dev/loop-control", O_RDWR);
  int number = ioctl(control, LOOP_CTL_GET_FREE);
  char name[32];
  snprintf(name, sizeof name, "/dev/loop%d", number);
  int disk = open(name, O_RDWR);
  printf("attached %d\n", ioctl(disk, LOOP_SET_FD, file));
  printf("written %zd\n", pwrite(disk, "bytes of a disk", 15, 8192));
  fflush(stdout);
  struct timespec time = {1, 0};
  nanosleep(&time, NULL);
  char text[16] = {0};
  printf("read %zd %s\n", pread(disk, text, 15, 8192), text);
  fsync(disk);
  memset(text, 0, sizeof text);
  printf("in the file %zd %s\n", pread(file, text, 15, 8192), text);
  return 0;
}
