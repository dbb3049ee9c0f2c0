/* Listings with their entries (FUSE_READDIRPLUS), holes (FUSE_LSEEK) and copies (FUSE_COPY_FILE_RANGE) of a FUSE server:
   when it is asked for them, what need not be asked for afterwards, and what it is told to forget. */
#include "served.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>

#define MOUNT "/tmp/lists-of-servers"
enum { FIRST = 20, COUNT = 60 };

static int no_nodes, wrong, error, forgotten;
static uint64_t found;

static size_t entry(char *to, uint64_t ino, uint64_t off, unsigned type, const char *name, uint64_t node) {
  struct fuse_direntplus *plus = (void *)to;
  memset(plus, 0, sizeof *plus);
  if (node) {
    plus->entry_out = (struct fuse_entry_out){.nodeid = node, .entry_valid = 100, .attr_valid = 100};
    fill_attr(&plus->entry_out.attr, node);
    plus->entry_out.attr.size = 1000 + node;
    if (type == DT_DIR) plus->entry_out.attr.mode = S_IFDIR | 0755;
  }
  plus->dirent.ino = ino;
  plus->dirent.off = off;
  plus->dirent.type = type;
  plus->dirent.namelen = strlen(name);
  memcpy(plus->dirent.name, name, plus->dirent.namelen);
  return FUSE_DIRENTPLUS_SIZE(plus);
}

static int answer(struct fuse_in_header *in, char *body) {
  static char out[70000];
  switch (in->opcode) {
    case FUSE_READDIR:
    case FUSE_READDIRPLUS: {
      struct fuse_read_in *ask = (void *)body;
      size_t size = 0;
      int plus = in->opcode == FUSE_READDIRPLUS, at = ask->offset;
      note(" %s(%d, from %d)", plus ? "listplus" : "list", (int)in->nodeid, at);
      /* Two dots and eighteen files in the first piece, twenty in each of the others. */
      for (int end = at + 20; at < end && at < COUNT + 2; at++) {
        char name[20];
        snprintf(name, sizeof name, at == 0 ? "." : at == 1 ? ".." : "file%d", at - 2);
        if (wrong && at == 5) snprintf(name, sizeof name, "fi/le");
        uint64_t node = at < 2 ? 1 : FIRST + at - 2;
        if (no_nodes || at < 2) node = 0;
        if (plus) size += entry(out + size, at + 100, at + 1, at < 2 ? DT_DIR : DT_REG, name, node);
        else {
          struct fuse_dirent *plain = (void *)(out + size);
          memset(plain, 0, sizeof *plain);
          *plain = (struct fuse_dirent){.ino = at + 100, .off = at + 1, .type = at < 2 ? DT_DIR : DT_REG, .namelen = strlen(name)};
          memcpy(plain->name, name, plain->namelen);
          size += FUSE_DIRENT_SIZE(plain);
        }
      }
      reply(in->unique, error, out, error ? 0 : size);
      return 1;
    }
    case FUSE_LOOKUP: {
      int number = -1;
      if (sscanf(body, "file%d", &number) != 1) return 0;
      struct fuse_entry_out to = {.nodeid = FIRST + number, .entry_valid = 100, .attr_valid = 100};
      note(" lookup(%s)", body);
      fill_attr(&to.attr, to.nodeid);
      reply(in->unique, 0, &to, sizeof to);
      return 1;
    }
    case FUSE_GETATTR:
      if (in->nodeid != ROOT) note(" getattr(%d)", (int)in->nodeid);
      return 0;
    case FUSE_OPENDIR:
      note(" opendir");
      return 0;
    case FUSE_LSEEK: {
      struct fuse_lseek_in *ask = (void *)body;
      struct fuse_lseek_out to = {.offset = found};
      note(" seek(fh %d, %lld, %d)", (int)ask->fh, (long long)ask->offset, ask->whence);
      reply(in->unique, error, &to, error ? 0 : sizeof to);
      return 1;
    }
    case FUSE_COPY_FILE_RANGE: {
      struct fuse_copy_file_range_in *ask = (void *)body;
      struct fuse_write_out to = {.size = found};
      note(" copy(%d, fh %d, %lld to %d, fh %d, %lld: %lld, flags %lld)", (int)in->nodeid, (int)ask->fh_in,
        (long long)ask->off_in, (int)ask->nodeid_out, (int)ask->fh_out, (long long)ask->off_out, (long long)ask->len,
        (long long)ask->flags);
      reply(in->unique, error, &to, error ? 0 : sizeof to);
      return 1;
    }
    case FUSE_READ: {
      struct fuse_read_in *ask = (void *)body;
      note(" read(%d, %lld)", (int)in->nodeid, (long long)ask->offset);
      reply(in->unique, 0, "hello, world\n", ask->offset ? 0 : 13);
      return 1;
    }
    case FUSE_WRITE: {
      struct fuse_write_in *ask = (void *)body;
      struct fuse_write_out to = {.size = ask->size};
      note(" write(%d, %lld, %d)", (int)in->nodeid, (long long)ask->offset, ask->size);
      reply(in->unique, 0, &to, sizeof to);
      return 1;
    }
  }
  return 0;
}

static void list(const char *what, int stats) {
  struct stat info;
  struct dirent *entry;
  int count = 0, failed = 0;
  long sizes = 0;
  DIR *folder = opendir(MOUNT);
  for (errno = 0; (entry = readdir(folder)); count++) {
    char path[300];
    if (entry->d_name[0] == '.' || !stats) continue;
    snprintf(path, sizeof path, MOUNT "/%s", entry->d_name);
    if (stat(path, &info) == 0) sizes += info.st_size;
  }
  failed = errno;
  closedir(folder);
  printf("%s: %d entries, %ld, %s\n", what, count, sizes, failed ? name_of(failed) : "ok");
  asked();
}

static void seek(int fd, long offset, int whence) {
  SHOW(lseek(fd, offset, whence));
  printf(" stands at %ld\n", (long)lseek(fd, 0, SEEK_CUR));
  asked();
}

int main(void) {
  wants = FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO;
  serve(MOUNT, "");
  list("names alone", 0);
  list("and their files", 1);
  list("once more", 1);
  struct stat info;
  SHOW(stat(MOUNT "/file3", &info)); asked();
  no_nodes = 1;
  list("no nodes", 0);
  no_nodes = 0;
  wrong = 1;
  list("a name that can't be", 0);
  wrong = 0;
  error = -EACCES;
  list("an error", 0);
  error = 0;

  int fd = open(MOUNT "/hello", O_RDWR), other = open(MOUNT "/hello", O_RDWR);
  asked();
  found = 4096;
  seek(fd, 5, SEEK_DATA);
  seek(fd, 7, SEEK_HOLE);
  found = 1ull << 63;
  seek(fd, 7, SEEK_HOLE);
  error = -ENXIO;
  seek(fd, 100, SEEK_DATA);
  seek(fd, 1, SEEK_SET);
  error = -ENOSYS;
  seek(fd, 5, SEEK_DATA);
  seek(fd, 5, SEEK_HOLE);
  seek(fd, 500, SEEK_DATA);
  seek(fd, -1, SEEK_DATA);

  long long from = 2, to = 100;
  error = 0;
  found = 5;
  SHOW(syscall(__NR_copy_file_range, fd, &from, other, &to, 5, 0)); asked();
  printf(" at %lld and %lld\n", from, to);
  lseek(fd, 0, SEEK_SET);
  lseek(other, 100, SEEK_SET);
  SHOW(syscall(__NR_copy_file_range, fd, NULL, other, NULL, 3, 0)); asked();
  found = 2;
  SHOW(syscall(__NR_copy_file_range, fd, NULL, other, NULL, 3, 0)); asked();
  printf(" at %ld and %ld\n", (long)lseek(fd, 0, SEEK_CUR), (long)lseek(other, 0, SEEK_CUR));
  error = -EIO;
  from = 0, to = 200;
  SHOW(syscall(__NR_copy_file_range, fd, &from, other, &to, 5, 0)); asked();
  close(fd), close(other);
  SHOW(umount2(MOUNT, MNT_DETACH));
  return 0;
}
