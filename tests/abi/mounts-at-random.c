#include "abi.h"
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

/* Mounts, moves and propagations at random, the same on each system: what each answered, and what stands there then. */
static unsigned long long seed;
static unsigned below(unsigned most) {
  seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
  return (unsigned)(seed >> 33) % most;
}

#define ROOT "/tmp/random-mounts"
static char places[64][64];
static int count, groups[256], groupCount;
static char nextName;

static int named(int id) {
  for (int i = 0; i < groupCount; i++) if (groups[i] == id) return i + 1;
  groups[groupCount++] = id;
  return groupCount;
}

static void folders(const char *top) {
  char path[200];
  mkdir(top, 0700);
  for (const char *x = "xy"; *x; x++) {
    snprintf(path, sizeof path, "%s/%c", top, *x); mkdir(path, 0700);
    for (const char *y = "xy"; *y; y++) { snprintf(path, sizeof path, "%s/%c/%c", top, *x, *y); mkdir(path, 0700); }
  }
}

/* The optional fields of what is on top at a place: nothing else with its name is mounted on it. */
static void fields(const char *at) {
  static struct { int id, parent; char rest[200]; } seen[500];
  char line[1000], place[300], rest[500], shown[200] = "";
  int many = 0, id, parent;
  FILE *file = fopen("/proc/self/mountinfo", "r");
  while (fgets(line, sizeof line, file)) {
    if (sscanf(line, "%d %d %*s %*s %299s %*s %499[^\n]", &id, &parent, place, rest) != 4 || strcmp(place, at) || many >= 500) continue;
    seen[many].id = id; seen[many].parent = parent;
    snprintf(seen[many++].rest, 200, "%.199s", rest);
  }
  fclose(file);
  for (int i = 0; i < many; i++) {
    int isTop = 1;
    for (int j = 0; j < many; j++) if (seen[j].parent == seen[i].id) isTop = 0;
    if (isTop) strcpy(shown, seen[i].rest);
  }
  printf(" %d", many);
  for (char *word = strtok(shown, " "); word && strcmp(word, "-"); word = strtok(NULL, " ")) {
    char *colon = strchr(word, ':');
    if (strncmp(word, "propagate_from", 14) == 0) continue;
    if (colon) printf(" %.*s:%d", (int)(colon - word), word, named(atoi(colon + 1)));
    else printf(" %s", word);
  }
}

static void show(void) {
  groupCount = 0;
  for (int i = 0; i < count; i++) {
    char file[100];
    printf("%s:", places[i] + strlen(ROOT) + 1);
    for (char name = 'a'; name < nextName; name++) {
      snprintf(file, sizeof file, "%s/is-%c", places[i], name);
      if (access(file, F_OK) == 0) printf("%c", name);
    }
    fields(places[i]);
    printf("\n");
  }
}

static void step(void) {
  static const struct { const char *word; int flag; } changes[] = {
    {"shared", MS_SHARED}, {"shared", MS_SHARED}, {"slave", MS_SLAVE}, {"private", MS_PRIVATE}, {"unbindable", MS_UNBINDABLE}};
  const char *from = places[below(count)], *to = places[below(count)], *word = "";
  int kind = below(16), result;
  if (kind < 4) {
    if (nextName > 'y') return;
    word = "tmpfs"; to = "";
    result = mount("none", from, "tmpfs", 0, "");
    if (result == 0) {
      char file[100];
      snprintf(file, sizeof file, "%s/is-%c", from, nextName++);
      close(open(file, O_CREAT | O_WRONLY, 0600));
      folders(from);
    }
  } else if (kind < 6) { word = "bind"; result = mount(from, to, NULL, MS_BIND, NULL); }
  else if (kind < 7) { word = "rbind"; result = mount(from, to, NULL, MS_BIND | MS_REC, NULL); }
  else if (kind < 8) { word = "move"; result = mount(from, to, NULL, MS_MOVE, NULL); }
  else if (kind < 10) { word = "umount"; to = ""; result = umount(from); }
  else if (kind < 11) { word = "detach"; to = ""; result = umount2(from, MNT_DETACH); }
  else {
    int change = below(5), isDeep = below(3) == 0;
    word = changes[change].word; to = isDeep ? "and below" : "";
    result = mount(NULL, from, NULL, changes[change].flag | (isDeep ? MS_REC : 0), NULL);
  }
  int error = result == 0 ? 0 : errno;
  printf("%s %s %s: %s\n", word, from + strlen(ROOT) + 1, *to == '/' ? to + strlen(ROOT) + 1 : to, name_of(error));
}

int main(void) {
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) != 0) return 1;
  for (const char *top = "abcd"; *top; top++) {
    char *path = places[count++];
    snprintf(path, 64, ROOT "/%c", *top);
    for (const char *x = "xy"; *x; x++) {
      snprintf(places[count++], 64, ROOT "/%c/%c", *top, *x);
      for (const char *y = "xy"; *y; y++) snprintf(places[count++], 64, ROOT "/%c/%c/%c", *top, *x, *y);
    }
  }
  for (int round = 1; round <= 12; round++) {
    seed = round * 7919ULL + 1;
    nextName = 'a';
    mkdir(ROOT, 0700);
    if (mount("none", ROOT, "tmpfs", 0, "") != 0 || mount(NULL, ROOT, NULL, MS_PRIVATE, NULL) != 0) return 1;
    for (int i = 0; i < count; i += 7) folders(places[i]);
    printf("- round %d\n", round);
    for (int i = 0; i < 40; i++) step();
    show();
    while (umount2(ROOT, MNT_DETACH) == 0);
  }
  SHOW(rmdir(ROOT));
  return 0;
}
