/*
 * Random calls on a folder, from a seed; each call's outcome is one line on stdout. Run on two file systems, the outputs are equal
 * when both behave alike: errnos, contents, what stat(2) says, listings.
 *
 *     differential FOLDER SEED CALLS
 *
 * Run as root: part of the calls are made as another user. What file systems may differ in is not printed: sizes and order of folders, blocks,
 * inode numbers, times that were not set.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <linux/fs.h>
#include <sys/syscall.h>

static uint64_t state;
static unsigned below(unsigned bound) {
  state ^= state << 13; state ^= state >> 7; state ^= state << 17;
  return (unsigned)((state >> 11) % bound);
}
static unsigned char bytes[1 << 17], back[1 << 17];
static int fds[8];
/* A path below the folder, often one that exists: few names, three levels. */
static const char *path(void) {
  static char texts[4][5000];
  static int next;
  char *text = texts[next++ & 3];
  static const char *folders[] = {"", "", "a/", "b/", "a/c/", "b/c/d/", "l/", "../x/", "./a/../", "f0/"};
  strcpy(text, folders[below(8)]);
  if (!strcmp(text, "../x/")) strcpy(text, "a/");
  if (below(40) == 0) strcpy(text, "f0/");
  switch (below(60)) {
    case 0: { size_t l = strlen(text); memset(text + l, 'n', 255); text[l + 255] = 0; } break;
    case 1: { size_t l = strlen(text); memset(text + l, 'm', 256); text[l + 256] = 0; } break;
    case 2: text[0] = 0; break;
    case 3: strcat(text, "."); break;
    case 4: strcat(text, "a/."); break;
    case 5: strcat(text, "\xff\xfe\n"); break;
    case 6: strcat(text, "f0/"); break;
    default: { char name[8]; static const char kinds[] = "ffffabcdl"; sprintf(name, "%c", kinds[below(9)]); strcat(text, name); if (name[0] == 'f') { sprintf(name, "%u", below(5)); strcat(text, name); } }
  }
  return text;
}

static uint32_t sum(const unsigned char *from, ssize_t count) {
  uint32_t hash = 2166136261u;
  for (ssize_t i = 0; i < count; i++) hash = (hash ^ from[i]) * 16777619u;
  return hash;
}

static long call;
static void say(const char *what, const char *on, long result) {
  if (result < 0) printf("%ld %s %.60s: -%s\n", call, what, on, strerrorname_np(errno));
  else printf("%ld %s %.60s: %ld\n", call, what, on, result);
}

static void show(const char *what, const char *on, struct stat *st) {
  /* Times that utimensat set end in 70007 ns. A pipe's are the kernel's business: FUSE gives them no time. */
  int isSet = !S_ISFIFO(st->st_mode) && st->st_mtim.tv_sec < 2000000000 && st->st_mtim.tv_nsec % 100000 == 70007;
  /* S_ISGID without group execution: since Linux 6.2 others than the group's lose it when they write; FUSE_HANDLE_KILLPRIV_V2 says the older rule. */
  if (S_ISREG(st->st_mode) && !(st->st_mode & S_IXGRP)) st->st_mode &= ~(mode_t)S_ISGID;
  int isDevice = S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
  printf("%ld %s %.60s: mode %o links %ld owner %u:%u size %lld mtime %lld.%09ld device %u:%u\n", call, what, on, st->st_mode, (long)st->st_nlink, st->st_uid, st->st_gid,
    S_ISDIR(st->st_mode) ? 0LL : (long long)st->st_size, isSet ? (long long)st->st_mtim.tv_sec : -1LL, isSet ? st->st_mtim.tv_nsec : 0L,
    isDevice ? major(st->st_rdev) : 0, isDevice ? minor(st->st_rdev) : 0);
}

static int byName(const struct dirent **x, const struct dirent **y) { return strcmp((*x)->d_name, (*y)->d_name); }

static off_t place(void) {
  static const off_t places[] = {0, 0, 1, 100, 2047, 2048, 2049, 4095, 4096, 4097, 8192, 20000, 65536, 131071, 262144, 300000, 1 << 20};
  return places[below(17)];
}
static size_t length(void) {
  static const size_t lengths[] = {0, 1, 10, 100, 1000, 2048, 4096, 4097, 10000, 65536, 100000};
  return lengths[below(11)];
}

static void step(void) {
  const char *p = path(), *q = path();
  int slot = below(8), fd = fds[slot];
  struct stat st;
  ssize_t count;
  off_t at = place();
  size_t size = length();
  switch (below(40)) {
    case 0: case 1: case 2: case 3: {
      static const int kinds[] = {O_RDWR | O_CREAT, O_RDWR | O_CREAT, O_RDWR, O_RDONLY, O_WRONLY | O_APPEND | O_CREAT, O_RDWR | O_CREAT | O_EXCL, O_RDWR | O_TRUNC, O_WRONLY | O_CREAT | O_TRUNC, O_RDONLY | O_DIRECTORY, O_RDONLY | O_NOFOLLOW};
      int flags = kinds[below(10)];
      if (fd >= 0) close(fd);
      fds[slot] = open(p, flags | O_NONBLOCK, below(5) ? 0644 : 04755);
      say("open", p, fds[slot] < 0 ? -1 : flags);
      break;
    }
    case 4: case 5: case 6: case 7:
      if (fd < 0) break;
      for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)(state >> (i & 31));
      say("pwrite", "", pwrite(fd, bytes, size, at));
      break;
    case 8: case 9: case 10:
      if (fd < 0) break;
      count = pread(fd, back, sizeof back, at);
      say("pread", "", count);
      if (count > 0) printf("  %08x\n", sum(back, count));
      break;
    case 11: if (fd >= 0) say("write", "", write(fd, "append", 6)); break;
    case 12: if (fd >= 0) say("ftruncate", "", ftruncate(fd, at + below(3))); break;
    case 13: say("truncate", p, truncate(p, at)); break;
    case 14: case 15: say("mkdir", p, mkdir(p, below(4) ? 0755 : 02775)); break;
    case 16: say("rmdir", p, rmdir(p)); break;
    case 17: case 18: say("unlink", p, unlink(p)); break;
    case 19: case 20: printf("  -> %.60s\n", q); say("rename", p, rename(p, q)); break;
    case 21: printf("  -> %.60s\n", q); say("renameat2", p, renameat2(AT_FDCWD, p, AT_FDCWD, q, below(2) ? RENAME_NOREPLACE : RENAME_EXCHANGE)); break;
    case 22: printf("  -> %.60s\n", q); say("link", p, link(p, q)); break;
    case 23: say("symlink", p, symlink(below(3) ? "a" : q, p)); break;
    case 24: count = readlink(p, (char *)back, 4000); say("readlink", p, count); if (count > 0) printf("  %.*s\n", (int)count, back); break;
    case 25: say("chmod", p, chmod(p, below(010000))); break;
    case 26: say("lchown", p, lchown(p, below(3) ? 1000 : 0, below(3) ? 1000 : (unsigned)-1)); break;
    case 27: { struct timespec times[2] = {{below(1000000000), 7}, {below(1900000000), below(9999) * 100000 + 70007}}; say("utimensat", p, utimensat(AT_FDCWD, p, times, below(2) ? AT_SYMLINK_NOFOLLOW : 0)); break; }
    case 28: case 29: if (lstat(p, &st) < 0) say("lstat", p, -1); else show("lstat", p, &st); break;
    case 30: if (fd >= 0) { if (fstat(fd, &st) < 0) say("fstat", "", -1); else show("fstat", "", &st); } break;
    case 31: {
      static const char *names[] = {"user.one", "user.two", "trusted.three", "security.four", "system.five", "bogus"};
      const char *name = names[below(6)];
      size_t long_ = below(10) ? size % 300 : 3000;
      if (below(3)) say(name, p, lsetxattr(p, name, bytes, long_, below(3) == 0 ? XATTR_CREATE : below(3) == 0 ? XATTR_REPLACE : 0));
      else say(name, p, lremovexattr(p, name));
      break;
    }
    case 32: {
      count = lgetxattr(p, below(2) ? "user.one" : "trusted.three", back, below(4) ? sizeof back : 5);
      say("lgetxattr", p, count);
      if (count > 0) printf("  %08x\n", sum(back, count));
      count = llistxattr(p, NULL, 0);
      say("llistxattr", p, count);
      break;
    }
    case 33: {
      static const int modes[] = {0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE};
      if (fd >= 0) say("fallocate", "", fallocate(fd, modes[below(4)], at, (off_t)size));
      break;
    }
    case 34: {
      int other = fds[below(8)];
      off_t from = place(), to = at;
      if (fd < 0 || other < 0) break;
      count = 0;
      for (ssize_t left = (ssize_t)size; left > 0; left -= count) { count = copy_file_range(fd, &from, other, &to, (size_t)left, 0); if (count <= 0) break; }
      say("copy_file_range", "", count < 0 ? -1 : (long)(to - at));
      break;
    }
    case 35: say("mknod", p, mknod(p, (below(2) ? S_IFIFO : below(2) ? S_IFSOCK : S_IFCHR) | 0640, makedev(1, 3))); break;
    case 36: say("access", p, access(p, (int)below(8))); break;
    case 37: {
      struct dirent **entries;
      int entriesCount = scandir(p, &entries, NULL, byName);
      if (entriesCount < 0) { say("scandir", p, -1); break; }
      printf("%ld scandir %.60s:", call, p);
      for (int i = 0; i < entriesCount; i++) { printf(" %.20s(%d)", entries[i]->d_name, entries[i]->d_type); free(entries[i]); }
      printf("\n");
      free(entries);
      break;
    }
    case 38: {
      int unnamed = open(below(2) ? "." : "a", O_TMPFILE | O_RDWR, 0600);
      char self[64];
      if (unnamed < 0) { say("O_TMPFILE", "", -1); break; }
      say("write", "", write(unnamed, "unnamed", 7));
      sprintf(self, "/proc/self/fd/%d", unnamed);
      say("linkat", p, linkat(AT_FDCWD, self, AT_FDCWD, p, AT_SYMLINK_FOLLOW));
      close(unnamed);
      break;
    }
    case 39: {
      /* As somebody else. */
      if (setegid(1000) || seteuid(1000)) abort();
      switch (below(7)) {
        case 0: { int mine = open(p, O_RDWR | O_CREAT, 0600); say("user open", p, mine); if (mine >= 0) { say("user write", "", write(mine, "mine", 4)); close(mine); } break; }
        case 1: say("user unlink", p, unlink(p)); break;
        case 2: say("user mkdir", p, mkdir(p, 0777)); break;
        case 3: say("user chmod", p, chmod(p, below(010000))); break;
        case 4: printf("  -> %.60s\n", q); say("user rename", p, rename(p, q)); break;
        case 5: say("user truncate", p, truncate(p, at)); break;
        case 6: say("user access", p, access(p, R_OK)); break;
      }
      if (seteuid(0) || setegid(0)) abort();
      break;
    }
  }
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  state = strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15ull + 1;
  if (chdir(argv[1]) || chmod(".", 0777)) { perror(argv[1]); return 1; }
  signal(SIGPIPE, SIG_IGN);
  umask(022);
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  for (int i = 0; i < 8; i++) fds[i] = -1;
  for (call = 0; call < atol(argv[3]); call++) step();
  return 0;
}
