#include "abi.h"
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

/* Requests of ioctl(2) that the file system answers, whatever it is: of a tmpfs, by root and by nobody. */

static char b[4096];
static void all(const char *what, int fd) {
  printf("%s\n", what); int n = 0; long long size = 0; struct file_clone_range range = {.src_fd = fd, .src_length = 4096, .dest_offset = 8192}; struct fstrim_range trim = {0, -1, 0};
  SHOW(ioctl(fd, FIFREEZE, 0)); SHOW(ioctl(fd, FITHAW, 0)); SHOW(ioctl(fd, FITRIM, &trim)); SHOW(ioctl(fd, FIBMAP, &n)); SHOW(ioctl(fd, FIBMAP, 8)); SHOW(ioctl(fd, FIGETBSZ, &n)); SHOW(n); SHOW(ioctl(fd, FIGETBSZ, 8)); SHOW(ioctl(fd, FICLONE, fd)); SHOW(ioctl(fd, FICLONE, 999)); SHOW(ioctl(fd, FICLONERANGE, &range)); SHOW(ioctl(fd, FICLONERANGE, 8));
  memset(b, 0, sizeof b); struct file_dedupe_range *d = (void *)b; d->src_length = 4096; d->dest_count = 1; d->info[0].dest_fd = fd; d->info[0].dest_offset = 8192; SHOW(ioctl(fd, FIDEDUPERANGE, d)); SHOW(ioctl(fd, FIDEDUPERANGE, 8));
  memset(b, 0, sizeof b); struct fiemap *m = (void *)b; m->fm_length = -1; m->fm_extent_count = 4; SHOW(ioctl(fd, FS_IOC_FIEMAP, m)); SHOW(ioctl(fd, FIOASYNC, 8)); SHOW(ioctl(fd, FIONBIO, 8)); SHOW(ioctl(fd, FIOQSIZE, &size)); SHOW(ioctl(fd, FIOQSIZE, 8)); SHOW(ioctl(fd, FIONREAD, 8)); SHOW(ioctl(fd, FS_IOC_GETFLAGS, 8)); SHOW(ioctl(fd, FS_IOC_SETFLAGS, 8)); SHOW(ioctl(fd, FS_IOC_FSGETXATTR, 8)); SHOW(ioctl(fd, 0x5899, 0)); SHOW(ioctl(fd, 0, 0));
}

int main(void) {
  if (unshare(0x20000) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mkdir("requested", 0755) && errno != EEXIST || mount("t", "requested", "tmpfs", 0, "mode=0777")) return 1;
  int d = open("requested", O_RDONLY), f = open("requested/f", O_RDWR | O_CREAT, 0666), p[2], z = open("/dev/zero", O_RDWR); pipe(p); HOLDS(pwrite(f, b, 4096, 0) == 4096);
  all("folder", d); all("file", f);
  SHOW(ioctl(p[0], FIFREEZE, 0)); SHOW(ioctl(p[0], FITHAW, 0)); SHOW(ioctl(p[0], FIBMAP, b)); SHOW(ioctl(p[0], FIGETBSZ, b)); SHOW(ioctl(z, FIFREEZE, 0)); SHOW(ioctl(z, FITHAW, 0)); SHOW(ioctl(z, FIBMAP, b)); SHOW(ioctl(open("requested/f", O_PATH), FIFREEZE, 0));
  if (fork() == 0) { setuid(65534); all("nobody's", f); exit(0); } wait(0); close(f); close(d); umount2("requested", MNT_DETACH); rmdir("requested"); return 0;
}
