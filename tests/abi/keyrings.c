#include "abi.h"
#include <pthread.h>

/* Keys and keyrings: whose keyrings they are, rights, links, searches, revocation and time-outs (keyrings(7), keyctl(2)). */
#define AT_THREAD -1
#define AT_PROCESS -2
#define AT_SESSION -3
#define AT_USER -4
#define AT_USER_SESSION -5
enum { ID, JOIN, UPDATE, REVOKE, CHOWN, SETPERM, DESCRIBE, CLEAR, LINK, UNLINK, SEARCH, READ, INSTANTIATE, NEGATE, DEFAULT, TIMEOUT, ASSUME, SECURITY, TO_PARENT, REJECT, INSTANTIATE_IOV, INVALIDATE, PERSISTENT, RESTRICT = 29, MOVE, CAPABILITIES };
static long add(const char *type, const char *name, const void *bytes, size_t length, int ring) { return syscall(SYS_add_key, type, name, bytes, length, ring); }
static long ask(const char *type, const char *name, const char *info, int ring) { return syscall(SYS_request_key, type, name, info, ring); }
#define CTL(...) syscall(SYS_keyctl, __VA_ARGS__)

/* Linux lets go of keys a moment after nothing holds them any more. */
#define WHILE 300000

/* Serial numbers are the system's choice: what is shown is whether there is one. */
#define GOT(e) do { errno = 0; long r_ = (long)(e); int e_ = errno; if (r_ == -1 && e_) printf("%s = -1 %s\n", #e, name_of(e_)); else printf("%s = %s\n", #e, r_ > 2 ? "a key" : r_ == 0 ? "0" : "less"); fflush(stdout); } while (0)

static void described(const char *what, long id) {
  char text[256]; errno = 0; long got = CTL(DESCRIBE, id, text, sizeof text);
  if (got < 0) printf("%s: %s\n", what, name_of(errno)); else printf("%s: %s, %ld\n", what, text, got);
  fflush(stdout);
}

static void arguments(void) {
  printf("- arguments\n"); static char big[32768];
  SHOW(add(NULL, "a", "x", 1, AT_THREAD)); SHOW(add("", "a", "x", 1, AT_THREAD)); SHOW(add(".user", "a", "x", 1, AT_THREAD)); SHOW(add("none", "a", "x", 1, AT_THREAD));
  SHOW(add("a type whose name is longer than 31", "a", "x", 1, AT_THREAD)); SHOW(add("none", "a", "x", 1, 0)); SHOW(add("none", "a", "x", 1, 0x7ffffff0));
  SHOW(add("user", NULL, "x", 1, AT_THREAD)); SHOW(add("user", "", "x", 1, AT_THREAD)); SHOW(add("user", (char *)1, "x", 1, AT_THREAD)); SHOW(add("user", "a", (char *)1, 1, AT_THREAD));
  SHOW(add("user", "a", "", 0, AT_THREAD)); SHOW(add("user", "a", NULL, 5, AT_THREAD)); SHOW(add("user", "a", big, 32768, AT_THREAD)); SHOW(add("user", "a", big, 1 << 20, AT_THREAD));
  GOT(add("user", "a", big, 32767, AT_THREAD)); SHOW(add("keyring", "r", "x", 1, AT_THREAD)); SHOW(add("keyring", ".r", NULL, 0, AT_THREAD)); GOT(add("user", ".u", "x", 1, AT_THREAD));
  SHOW(add("logon", "without", "x", 1, AT_THREAD)); SHOW(add("logon", ":b", "x", 1, AT_THREAD)); GOT(add("logon", "a:", "x", 1, AT_THREAD));
  SHOW(add("user", "a", "x", 1, -6)); SHOW(add("user", "a", "x", 1, -7)); SHOW(add("user", "a", "x", 1, -8)); SHOW(add("user", "a", "x", 1, -9));
  SHOW(CTL(JOIN, ".own")); SHOW(CTL(JOIN, "")); SHOW(CTL(JOIN, 1)); SHOW(CTL(77)); SHOW(CTL(-1)); SHOW(CTL(ID, 0, 0)); SHOW(CTL(ID, 5, 0)); SHOW(CTL(READ, 0x7ffffff0, NULL, 0));
  SHOW(CTL(INSTANTIATE, 5, "x", 1, 0)); SHOW(CTL(NEGATE, 5, 1, 0)); SHOW(CTL(REJECT, 5, 1, EPERM, 0)); SHOW(CTL(ASSUME, 0)); SHOW(CTL(ASSUME, -1)); SHOW(CTL(ASSUME, 5));
  SHOW(ask(NULL, "a", NULL, 0)); SHOW(ask(".a", "a", NULL, 0)); SHOW(ask("user", "nothing", NULL, 0)); SHOW(ask("user", (char *)1, NULL, 0)); SHOW(ask("user", "a", (char *)1, 0)); SHOW(ask("keyring", "nothing", "info", 0));
  SHOW(CTL(CLEAR, AT_THREAD));
}

static void contents(void) {
  printf("- contents\n"); char bytes[32]; memset(bytes, '.', 31); bytes[31] = 0;
  long key = add("user", "name", "first", 5, AT_SESSION); HOLDS(key > 2); HOLDS(add("user", "name", "second!", 7, AT_SESSION) == key);
  SHOW(CTL(READ, key, NULL, 0)); SHOW(CTL(READ, key, bytes, 3)); printf("%.8s\n", bytes); SHOW(CTL(READ, key, bytes, 31)); printf("%.8s\n", bytes); SHOW(CTL(READ, key, 1, 31));
  described("the key", key); SHOW(CTL(DESCRIBE, key, NULL, 0)); memset(bytes, '.', 31); SHOW(CTL(DESCRIBE, key, bytes, 4)); printf("%.6s\n", bytes);
  SHOW(CTL(UPDATE, key, "third", 5)); SHOW(CTL(READ, key, bytes, 31)); SHOW(CTL(UPDATE, key, NULL, 0)); SHOW(CTL(UPDATE, key, bytes, 4097)); SHOW(CTL(UPDATE, AT_SESSION, "x", 1));
  long logon = add("logon", "for:it", "secret", 6, AT_SESSION); SHOW(CTL(READ, logon, bytes, 31)); described("logon", logon); SHOW(CTL(SECURITY, key, bytes, 31)); SHOW(bytes[0]);
  long ring = add("keyring", "ring", NULL, 0, AT_SESSION); described("ring", ring); SHOW(CTL(READ, ring, bytes, 31)); SHOW(CTL(READ, ring, bytes, 28)); HOLDS(add("keyring", "ring", NULL, 0, AT_SESSION) != ring); usleep(WHILE); SHOW(CTL(READ, ring, bytes, 28));
  int two[2] = {0, 0}; long other = add("keyring", "two", NULL, 0, AT_SESSION); add("user", "one", "1", 1, other); add("user", "two", "2", 1, other);
  SHOW(CTL(READ, other, two, 4)); HOLDS(two[1] == 0); SHOW(CTL(READ, other, two, 8)); HOLDS(two[0] > 2 && two[1] > 2);
  SHOW(CTL(CLEAR, key)); SHOW(CTL(CLEAR, other)); SHOW(CTL(READ, other, two, 8)); SHOW(CTL(UNLINK, key, AT_SESSION)); usleep(WHILE); SHOW(CTL(READ, key, bytes, 31)); SHOW(CTL(UNLINK, key, AT_SESSION));
}

static void own(void) {
  printf("- whose\n"); GOT(CTL(ID, AT_THREAD, 0)); SHOW(CTL(ID, AT_PROCESS, 0)); GOT(CTL(ID, AT_PROCESS, 1)); GOT(CTL(ID, AT_PROCESS, 0));
  described("thread", AT_THREAD); described("process", AT_PROCESS); described("session", AT_SESSION); described("user", AT_USER); described("user session", AT_USER_SESSION);
  HOLDS(CTL(ID, AT_USER, 0) == CTL(ID, AT_USER, 1)); HOLDS(CTL(ID, AT_SESSION, 0) == CTL(ID, AT_SESSION, 1));
  SHOW(CTL(DEFAULT, -1)); SHOW(CTL(DEFAULT, 1)); SHOW(CTL(DEFAULT, 3)); SHOW(CTL(DEFAULT, 6)); SHOW(CTL(DEFAULT, 8)); SHOW(CTL(DEFAULT, -2)); SHOW(CTL(DEFAULT, 0)); GOT(CTL(ID, AT_THREAD, 0));
}

static long mine, shared;
static void *thread(void *none) {
  HOLDS(CTL(ID, AT_THREAD, 0) != mine); GOT(CTL(ID, AT_THREAD, 0)); HOLDS(CTL(ID, AT_PROCESS, 0) == shared); described("of another thread", mine); return none;
}

static void inherited(char *program) {
  printf("- inherited\n"); mine = CTL(ID, AT_THREAD, 1); shared = CTL(ID, AT_PROCESS, 1); long session = CTL(ID, AT_SESSION, 0);
  pthread_t other; pthread_create(&other, NULL, thread, NULL); pthread_join(other, NULL);
  if (fork() == 0) {
    SHOW(CTL(ID, AT_THREAD, 0)); SHOW(CTL(ID, AT_PROCESS, 0)); HOLDS(CTL(ID, AT_SESSION, 0) == session);
    char number[16]; snprintf(number, sizeof number, "%ld", session); execl(program, program, number, NULL); _exit(1);
  }
  wait(NULL);
}

static void rights(void) {
  printf("- rights\n"); char bytes[16]; long ring = CTL(ID, AT_SESSION, 0), key = add("user", "guarded", "x", 1, AT_SESSION);
  SHOW(CTL(SETPERM, key, 0x40000000)); SHOW(CTL(SETPERM, key, -1)); SHOW(CTL(SETPERM, key, 0x3f000000)); described("possessed", key); SHOW(CTL(READ, key, bytes, 16));
  SHOW(CTL(SETPERM, key, 0x28000000)); SHOW(CTL(READ, key, bytes, 16)); described("searched", key); SHOW(CTL(UPDATE, key, "y", 1)); SHOW(CTL(LINK, key, AT_THREAD));
  SHOW(CTL(SETPERM, key, 0x203f0000)); described("owned", key); SHOW(CTL(READ, key, bytes, 16)); SHOW(CTL(SETPERM, key, 0x3f010000));
  SHOW(CTL(CHOWN, key, -1, -1)); SHOW(CTL(CHOWN, key, 4711, -1)); SHOW(CTL(CHOWN, key, -1, 4712)); described("given away", key); SHOW(CTL(SETPERM, key, 0x3f013f01)); described("still ours", key);
  pid_t child = fork();
  if (child == 0) {
    if (setresgid(4712, 4712, 4712) || setresuid(4713, 4713, 4713)) _exit(1);
    described("of another user, possessed", key); SHOW(CTL(SETPERM, key, 0x3f3f3f3f)); SHOW(CTL(CHOWN, key, 4713, -1)); SHOW(CTL(JOIN, NULL) > 2);
    described("of the group", key); SHOW(CTL(READ, key, bytes, 16)); SHOW(CTL(READ, ring, bytes, 16)); described("their session", ring); SHOW(CTL(REVOKE, key)); described("user", AT_USER); described("thread", AT_THREAD);
    SHOW(CTL(ID, ring, 0)); SHOW(CTL(UNLINK, key, ring)); SHOW(CTL(INVALIDATE, ring)); SHOW(CTL(PERSISTENT, 0, AT_PROCESS)); _exit(0);
  }
  waitpid(child, NULL, 0); SHOW(CTL(UNLINK, key, AT_SESSION));
}

static void links(void) {
  printf("- links\n"); long a = add("keyring", "a", NULL, 0, AT_SESSION), b = add("keyring", "b", NULL, 0, a), c = add("keyring", "c", NULL, 0, b), key = add("user", "deep", "x", 1, c);
  SHOW(CTL(LINK, a, a)); SHOW(CTL(LINK, a, c)); SHOW(CTL(LINK, b, a)); SHOW(CTL(LINK, key, key)); SHOW(CTL(LINK, c, AT_SESSION)); SHOW(CTL(UNLINK, c, a)); SHOW(CTL(UNLINK, c, AT_SESSION)); SHOW(CTL(LINK, key, 5));
  HOLDS(CTL(SEARCH, a, "user", "deep", 0) == key); SHOW(CTL(SEARCH, a, "user", "nothing", 0)); SHOW(CTL(SEARCH, a, "logon", "deep", 0)); SHOW(CTL(SEARCH, a, "none", "deep", 0)); SHOW(CTL(SEARCH, key, "user", "deep", 0)); HOLDS(CTL(SEARCH, a, "keyring", "a", 0) == a);
  SHOW(CTL(SEARCH, AT_THREAD, "user", "deep", 0)); HOLDS(CTL(SEARCH, a, "user", "deep", AT_PROCESS) == key); HOLDS(CTL(SEARCH, AT_PROCESS, "user", "deep", 0) == key); SHOW(CTL(UNLINK, key, AT_PROCESS));
  HOLDS(ask("user", "deep", NULL, 0) == key); HOLDS(ask("user", "deep", "info", AT_PROCESS) == key); HOLDS(CTL(SEARCH, AT_PROCESS, "user", "deep", 0) == key);
  SHOW(CTL(MOVE, key, AT_PROCESS, a, 2)); SHOW(CTL(MOVE, key, AT_PROCESS, a, 0)); SHOW(CTL(MOVE, key, AT_PROCESS, a, 0)); SHOW(CTL(MOVE, key, a, c, 1)); SHOW(CTL(MOVE, key, a, a, 0)); SHOW(CTL(MOVE, key, a, c, 0)); SHOW(CTL(READ, a, NULL, 0));
  SHOW(CTL(SETPERM, b, 0x37000000)); SHOW(CTL(SEARCH, a, "user", "deep", 0)); SHOW(ask("user", "deep", NULL, 0)); SHOW(CTL(READ, key, NULL, 0)); described("behind a closed ring", key); SHOW(CTL(SETPERM, b, 0x3f000000));
  SHOW(CTL(RESTRICT, c, NULL, "x")); SHOW(CTL(RESTRICT, c, "user", NULL)); SHOW(CTL(RESTRICT, c, "none", "x")); SHOW(CTL(RESTRICT, key, NULL, NULL)); SHOW(CTL(RESTRICT, c, NULL, NULL)); SHOW(CTL(RESTRICT, c, NULL, NULL)); SHOW(add("user", "more", "x", 1, c)); SHOW(CTL(LINK, b, c)); SHOW(CTL(UNLINK, key, c));
  long down = AT_SESSION, rings[9]; for (int each = 0; each < 9; each++) { char name[8]; snprintf(name, 8, "d%d", each); down = rings[each] = add("keyring", name, NULL, 0, down); if (each < 8) add("user", name, "x", 1, down); }
  GOT(ask("user", "d4", NULL, 0)); GOT(ask("user", "d5", NULL, 0)); GOT(ask("user", "d6", NULL, 0)); GOT(ask("user", "d7", NULL, 0)); GOT(CTL(SEARCH, rings[0], "user", "d6", 0)); GOT(CTL(SEARCH, rings[0], "user", "d7", 0)); SHOW(CTL(LINK, rings[0], a)); SHOW(CTL(LINK, rings[3], a));
  SHOW(CTL(CLEAR, AT_SESSION)); usleep(WHILE); SHOW(CTL(ID, rings[4], 0));
}

static void ends(void) {
  printf("- ends\n"); char bytes[16]; long key = add("user", "over", "x", 1, AT_SESSION), ring = add("keyring", "over", NULL, 0, AT_SESSION), kept = add("user", "kept", "x", 1, ring); CTL(LINK, kept, AT_SESSION);
  SHOW(CTL(REVOKE, key)); SHOW(CTL(REVOKE, key)); SHOW(CTL(READ, key, bytes, 16)); described("revoked", key); SHOW(CTL(UPDATE, key, "y", 1)); SHOW(CTL(SETPERM, key, 0x3f3f0000)); SHOW(ask("user", "over", NULL, 0)); SHOW(CTL(LINK, key, AT_THREAD)); SHOW(CTL(TIMEOUT, key, 5));
  HOLDS(add("user", "over", "z", 1, AT_SESSION) != key); usleep(WHILE); SHOW(CTL(READ, key, bytes, 16)); SHOW(CTL(REVOKE, ring)); SHOW(add("user", "more", "x", 1, ring)); SHOW(CTL(READ, ring, bytes, 16)); SHOW(CTL(SEARCH, ring, "user", "kept", 0)); SHOW(CTL(READ, kept, bytes, 16)); SHOW(CTL(UNLINK, ring, AT_SESSION)); usleep(WHILE); SHOW(CTL(UNLINK, ring, AT_SESSION));
  key = add("user", "short", "x", 1, AT_SESSION); SHOW(CTL(TIMEOUT, key, 1)); SHOW(CTL(READ, key, bytes, 16)); usleep(2100000); SHOW(CTL(READ, key, bytes, 16)); described("expired", key); SHOW(ask("user", "short", NULL, 0)); SHOW(CTL(SEARCH, AT_SESSION, "user", "short", 0)); SHOW(CTL(TIMEOUT, key, 0)); SHOW(CTL(REVOKE, key));
  SHOW(CTL(LINK, key, AT_THREAD)); HOLDS(add("user", "short", "y", 1, AT_SESSION) == key); SHOW(CTL(READ, key, bytes, 16)); SHOW(CTL(TIMEOUT, key, 100)); SHOW(CTL(TIMEOUT, key, 0)); SHOW(CTL(UNLINK, key, AT_SESSION));
  key = add("user", "gone", "x", 1, AT_SESSION); SHOW(CTL(INVALIDATE, key)); usleep(200000); SHOW(CTL(READ, key, bytes, 16)); SHOW(CTL(INVALIDATE, key)); SHOW(ask("user", "gone", NULL, 0)); GOT(add("user", "gone", "x", 1, AT_SESSION));
}

static void negative(void) {
  printf("- negative\n"); char bytes[16]; int id = 0; CTL(CLEAR, AT_SESSION);
  SHOW(ask("user", "wanted", "info", AT_SESSION)); SHOW(CTL(READ, AT_SESSION, &id, 4)); HOLDS(id > 2); SHOW(CTL(READ, id, bytes, 16)); described("negative", id); SHOW(ask("user", "wanted", "info", AT_SESSION)); SHOW(ask("user", "wanted", NULL, 0));
  SHOW(CTL(SEARCH, AT_SESSION, "user", "wanted", 0)); SHOW(CTL(LINK, id, AT_THREAD)); SHOW(CTL(UPDATE, id, "x", 1)); HOLDS(add("user", "wanted", "there", 5, AT_SESSION) == id); SHOW(CTL(READ, id, bytes, 16)); HOLDS(ask("user", "wanted", NULL, 0) == id); SHOW(CTL(CLEAR, AT_SESSION));
  CTL(SETPERM, AT_SESSION, 0x0b000000); CTL(DEFAULT, 3); SHOW(ask("user", "wanted", "info", 0)); SHOW(CTL(READ, AT_SESSION, NULL, 0)); CTL(DEFAULT, 0); CTL(JOIN, NULL);
}

static void sessions(void) {
  printf("- sessions\n"); long before = CTL(ID, AT_SESSION, 0), named = CTL(JOIN, "a session of this test"); HOLDS(named > 2 && named != before); described("named", named); GOT(CTL(JOIN, "a session of this test"));
  usleep(WHILE); SHOW(CTL(ID, before, 0)); long again = CTL(JOIN, NULL); HOLDS(again > 2 && again != named); usleep(WHILE); SHOW(CTL(ID, named, 0)); CTL(JOIN, "kept by a child"); long kept = CTL(ID, AT_SESSION, 0);
  int to[2], from[2]; char byte; if (pipe(to) || pipe(from)) return; pid_t child = fork();
  if (child == 0) { close(to[1]); if (write(from[1], "x", 1) != 1 || read(to[0], &byte, 1) < 0) _exit(1); _exit(0); }
  if (read(from[0], &byte, 1) != 1) return;
  CTL(JOIN, NULL); HOLDS(CTL(JOIN, "kept by a child") != kept); CTL(SETPERM, kept, 0x3f1b0000); described("not ours", kept); close(to[1]); waitpid(child, NULL, 0);
  child = fork(); if (child == 0) { long mine = CTL(JOIN, NULL); SHOW(CTL(TO_PARENT)); _exit(mine > 2 ? 0 : 1); } waitpid(child, NULL, 0);
  described("from a child", AT_SESSION); long of = CTL(PERSISTENT, -1, AT_SESSION); HOLDS(of > 2); described("persistent", of); HOLDS(CTL(PERSISTENT, 0, AT_SESSION) == of); SHOW(CTL(PERSISTENT, 0, of) > 2); SHOW(CTL(UNLINK, of, AT_SESSION));
}

static void counted(void) {
  printf("- counted\n"); pid_t child = fork();
  if (child == 0) {
    if (setresuid(4714, 4714, 4714)) _exit(1);
    CTL(JOIN, NULL); char line[256], name[32]; static char bytes[19000]; int fit = 0, keys, most; long used, limit; FILE *file;
#define USERS(now) do { file = fopen("/proc/key-users", "r"); while (fgets(line, sizeof line, file)) { int uid; if (sscanf(line, "%d: %*d %*d/%*d %d/%d %ld/%ld", &uid, &keys, &most, &used, &limit) == 5 && uid == 4714) printf("%s: %d of %d, %ld of %ld\n", now, keys, most, used, limit); } fclose(file); } while (0)
    USERS("a session"); long big = add("user", "big", bytes, sizeof bytes, AT_SESSION); HOLDS(big > 2); USERS("with bytes"); SHOW(add("user", "more", bytes, 2000, AT_SESSION)); USERS("refused");
    SHOW(CTL(UPDATE, big, bytes, 10)); USERS("smaller"); long ring = add("keyring", "ring", NULL, 0, AT_SESSION); USERS("a ring"); CTL(LINK, big, ring); USERS("a link");
    for (int each = 0; each < 300; each++) { snprintf(name, sizeof name, "k%d", each); if (add("user", name, "x", 1, ring) > 0) fit++; }
    SHOW(fit); SHOW(add("user", "last", "x", 1, AT_SESSION)); USERS("full"); SHOW(CTL(UNLINK, ring, AT_SESSION)); fflush(stdout); _exit(0);
  }
  waitpid(child, NULL, 0);
}

/* Lines of /proc/keys, without the serial number and how many hold it, which Linux counts for itself, too. */
static void listed(void) {
  printf("- listed\n"); CTL(CLEAR, AT_SESSION); long key = add("user", "listed: it", "12345", 5, AT_SESSION), ring = add("keyring", "listed", NULL, 0, AT_SESSION); CTL(LINK, key, ring); add("keyring", "listed empty", NULL, 0, ring);
  long timed = add("user", "listed a while", "x", 1, ring); CTL(TIMEOUT, timed, 5000); timed = add("user", "listed longer", "x", 1, ring); CTL(TIMEOUT, timed, 200000); timed = add("user", "listed for weeks", "x", 1, ring); CTL(TIMEOUT, timed, 2000000); timed = add("user", "listed revoked", "x", 1, ring); CTL(REVOKE, timed); long hidden = add("user", "listed not", "x", 1, ring); CTL(SETPERM, hidden, 0x3e000000);
  ask("user", "listed negative", "info", ring); char line[256]; static const char *names[] = {"listed: it", "listed: ", "listed empty", "listed a while", "listed longer", "listed for weeks", "listed revoked", "listed not", "listed negative", "_ses"};
  for (int each = 0; each < 10; each++) {
    FILE *file = fopen("/proc/keys", "r"); int count = 0;
    while (fgets(line, sizeof line, file)) { int serial; char flags[9], rest[256]; sscanf(line, "%x %8s %*d %255[^\n]", &serial, flags, rest); if (each == 9 ? serial == CTL(ID, AT_SESSION, 0) : strstr(rest, names[each]) != NULL) { if (each != 1 || serial == ring) printf("%s %s\n", flags, rest); count++; } }
    fclose(file); if (count == 0) printf("%s: not there\n", names[each]);
  }
}

int main(int count, char **words) {
  if (count == 2) { printf("  in a new program\n"); SHOW(CTL(ID, AT_THREAD, 0)); SHOW(CTL(ID, AT_PROCESS, 0)); HOLDS(CTL(ID, AT_SESSION, 0) == atol(words[1])); return 0; }
  setvbuf(stdout, NULL, _IONBF, 0); HOLDS(CTL(JOIN, NULL) > 2); arguments(); own(); contents(); rights(); links(); ends(); negative(); sessions(); listed(); counted(); inherited(words[0]);
  return 0;
}
