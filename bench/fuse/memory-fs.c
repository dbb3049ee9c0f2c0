/*
 * A file system in memory over libfuse's low-level interface: what a plain server in C reaches when it stores nothing, the peer of the mount rows.
 * Several threads, one lock, a second's validity, as libfuse's own examples have it.
 *
 *     memory-fs MOUNTPOINT [-o …]
 */
#define FUSE_USE_VERSION 34
#define _GNU_SOURCE
#include <errno.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct node { struct stat st; char *data; size_t room; struct entry *entries; };
struct entry { struct entry *next, *sibling, *before; fuse_ino_t parent, child; char name[]; };

enum { BUCKETS = 1 << 18 };
static struct node **nodes;
static size_t count, room;
static struct entry *buckets[BUCKETS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static unsigned hash(fuse_ino_t parent, const char *name) {
  unsigned h = 2166136261u ^ (unsigned)parent;
  for (; *name; name++) h = (h ^ (unsigned char)*name) * 16777619u;
  return h % BUCKETS;
}

static struct entry **place(fuse_ino_t parent, const char *name) {
  struct entry **at = &buckets[hash(parent, name)];
  while (*at && ((*at)->parent != parent || strcmp((*at)->name, name))) at = &(*at)->next;
  return at;
}

static fuse_ino_t newNode(mode_t mode, const struct fuse_ctx *context) {
  if (count + 2 > room) nodes = realloc(nodes, (room = room * 2 + 1024) * sizeof *nodes);
  struct node *node = calloc(1, sizeof *node);
  if (count == 0) count = 1;
  nodes[count] = node;
  node->st.st_ino = count;
  node->st.st_mode = mode;
  node->st.st_nlink = S_ISDIR(mode) ? 2 : 1;
  if (context) { node->st.st_uid = context->uid; node->st.st_gid = context->gid; }
  clock_gettime(CLOCK_REALTIME, &node->st.st_mtim);
  node->st.st_atim = node->st.st_ctim = node->st.st_mtim;
  return count++;
}

static void fill(struct fuse_entry_param *e, fuse_ino_t ino) {
  memset(e, 0, sizeof *e);
  e->ino = ino;
  e->attr = nodes[ino]->st;
  e->attr_timeout = e->entry_timeout = 1.0;
}

static int add(fuse_ino_t parent, const char *name, mode_t mode, const struct fuse_ctx *context, struct fuse_entry_param *e) {
  struct entry **at = place(parent, name);
  if (*at) return EEXIST;
  struct entry *entry = malloc(sizeof *entry + strlen(name) + 1);
  strcpy(entry->name, name);
  entry->parent = parent;
  entry->child = newNode(mode, context);
  entry->next = NULL;
  *at = entry;
  entry->before = NULL;
  entry->sibling = nodes[parent]->entries;
  if (entry->sibling) entry->sibling->before = entry;
  nodes[parent]->entries = entry;
  fill(e, entry->child);
  return 0;
}

static void doInit(void *data, struct fuse_conn_info *connection) { (void)data; connection->want &= ~(unsigned)FUSE_CAP_SPLICE_READ; }

static void doLookup(fuse_req_t request, fuse_ino_t parent, const char *name) {
  struct fuse_entry_param e;
  pthread_mutex_lock(&lock);
  struct entry *entry = *place(parent, name);
  if (entry) fill(&e, entry->child);
  pthread_mutex_unlock(&lock);
  if (entry) fuse_reply_entry(request, &e); else fuse_reply_err(request, ENOENT);
}

static void doGetattr(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *info) {
  (void)info;
  pthread_mutex_lock(&lock);
  struct stat st = nodes[ino]->st;
  pthread_mutex_unlock(&lock);
  fuse_reply_attr(request, &st, 1.0);
}

static void resize(struct node *node, size_t size) {
  if (size > node->room) {
    size_t wanted = node->room ? node->room * 2 : size;
    if (wanted < size) wanted = size;
    node->data = realloc(node->data, wanted);
    node->room = wanted;
  }
  if (size > (size_t)node->st.st_size) memset(node->data + node->st.st_size, 0, size - (size_t)node->st.st_size);
  node->st.st_size = (off_t)size;
}

static void doSetattr(fuse_req_t request, fuse_ino_t ino, struct stat *attr, int set, struct fuse_file_info *info) {
  (void)info;
  pthread_mutex_lock(&lock);
  struct node *node = nodes[ino];
  if (set & FUSE_SET_ATTR_MODE) node->st.st_mode = attr->st_mode;
  if (set & FUSE_SET_ATTR_UID) node->st.st_uid = attr->st_uid;
  if (set & FUSE_SET_ATTR_GID) node->st.st_gid = attr->st_gid;
  if (set & FUSE_SET_ATTR_SIZE) resize(node, (size_t)attr->st_size);
  if (set & FUSE_SET_ATTR_MTIME) node->st.st_mtim = attr->st_mtim;
  if (set & FUSE_SET_ATTR_ATIME) node->st.st_atim = attr->st_atim;
  struct stat st = node->st;
  pthread_mutex_unlock(&lock);
  fuse_reply_attr(request, &st, 1.0);
}

static void doMkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode) {
  struct fuse_entry_param e;
  pthread_mutex_lock(&lock);
  int failed = add(parent, name, S_IFDIR | mode, fuse_req_ctx(request), &e);
  pthread_mutex_unlock(&lock);
  if (failed) fuse_reply_err(request, failed); else fuse_reply_entry(request, &e);
}

static void doCreate(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *info) {
  struct fuse_entry_param e;
  pthread_mutex_lock(&lock);
  int failed = add(parent, name, S_IFREG | mode, fuse_req_ctx(request), &e);
  pthread_mutex_unlock(&lock);
  if (failed) fuse_reply_err(request, failed); else fuse_reply_create(request, &e, info);
}

static void doOpen(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *info) {
  (void)ino;
  info->keep_cache = 1;
  fuse_reply_open(request, info);
}

static void doRead(fuse_req_t request, fuse_ino_t ino, size_t size, off_t at, struct fuse_file_info *info) {
  (void)info;
  pthread_mutex_lock(&lock);
  struct node *node = nodes[ino];
  size_t left = at < node->st.st_size ? (size_t)(node->st.st_size - at) : 0;
  fuse_reply_buf(request, left ? node->data + at : NULL, size < left ? size : left);
  pthread_mutex_unlock(&lock);
}

static void doWrite(fuse_req_t request, fuse_ino_t ino, const char *data, size_t size, off_t at, struct fuse_file_info *info) {
  (void)info;
  pthread_mutex_lock(&lock);
  struct node *node = nodes[ino];
  if ((size_t)at + size > (size_t)node->st.st_size) resize(node, (size_t)at + size);
  memcpy(node->data + at, data, size);
  clock_gettime(CLOCK_REALTIME, &node->st.st_mtim);
  pthread_mutex_unlock(&lock);
  fuse_reply_write(request, size);
}

static void doUnlink(fuse_req_t request, fuse_ino_t parent, const char *name) {
  pthread_mutex_lock(&lock);
  struct entry **at = place(parent, name), *entry = *at;
  if (entry) {
    *at = entry->next;
    if (entry->before) entry->before->sibling = entry->sibling; else nodes[parent]->entries = entry->sibling;
    if (entry->sibling) entry->sibling->before = entry->before;
    struct node *node = nodes[entry->child];
    free(node->data);
    node->data = NULL;
    node->room = 0;
    node->st.st_size = 0;
    node->st.st_nlink = 0;
    free(entry);
  }
  pthread_mutex_unlock(&lock);
  fuse_reply_err(request, entry ? 0 : ENOENT);
}

static void doReaddir(fuse_req_t request, fuse_ino_t ino, size_t size, off_t at, struct fuse_file_info *info) {
  (void)info;
  char *buffer = malloc(size);
  size_t used = 0;
  off_t index = 0;
  pthread_mutex_lock(&lock);
  for (struct entry *entry = nodes[ino]->entries; entry; entry = entry->sibling) {
    if (index++ < at) continue;
    size_t needed = fuse_add_direntry(request, buffer + used, size - used, entry->name, &nodes[entry->child]->st, index);
    if (needed > size - used) break;
    used += needed;
  }
  pthread_mutex_unlock(&lock);
  fuse_reply_buf(request, buffer, used);
  free(buffer);
}

static void doFsync(fuse_req_t request, fuse_ino_t ino, int data, struct fuse_file_info *info) {
  (void)ino; (void)data; (void)info;
  fuse_reply_err(request, 0);
}

static const struct fuse_lowlevel_ops OPERATIONS = {
  .init = doInit, .lookup = doLookup, .getattr = doGetattr, .setattr = doSetattr, .mkdir = doMkdir, .create = doCreate, .open = doOpen, .read = doRead, .write = doWrite,
  .unlink = doUnlink, .rmdir = doUnlink, .readdir = doReaddir, .fsync = doFsync,
};

int main(int argc, char **argv) {
  struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
  struct fuse_cmdline_opts options;
  if (fuse_parse_cmdline(&args, &options) || !options.mountpoint) return 2;
  newNode(S_IFDIR | 0755, NULL);
  struct fuse_session *session = fuse_session_new(&args, &OPERATIONS, sizeof OPERATIONS, NULL);
  if (!session || fuse_set_signal_handlers(session) || fuse_session_mount(session, options.mountpoint)) return 1;
  fuse_daemonize(options.foreground);
  int failed = fuse_session_loop_mt(session, 0);
  fuse_session_unmount(session);
  fuse_session_destroy(session);
  return failed ? 1 : 0;
}
