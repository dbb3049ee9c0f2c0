// Threads that are preempted in the midst of what they compute: four that add to a plain counter, and lose additions
// when they are interrupted between its load and its store, and one that spins until they are through.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { ADDERS = 4, ADDITIONS = 300000 };

static volatile long plain;
static atomic_int done;

static void *add(void *unused) {
  (void)unused;
  for (int i = 0; i < ADDITIONS; i++) {
    long seen = plain;
    for (volatile int wait = 0; wait < 3; wait++) {
    }
    plain = seen + 1;
  }
  atomic_fetch_add(&done, 1);
  return 0;
}

static void *spin(void *unused) {
  (void)unused;
  long turns = 0;
  while (atomic_load(&done) < ADDERS) turns++;
  return (void *)turns;
}

int main(void) {
  pthread_t adders[ADDERS], spinner;
  void *turns;
  pthread_create(&spinner, 0, spin, 0);
  for (int i = 0; i < ADDERS; i++) pthread_create(&adders[i], 0, add, 0);
  for (int i = 0; i < ADDERS; i++) pthread_join(adders[i], 0);
  pthread_join(spinner, &turns);
  printf("%ld of %d, %ld turns\n", plain, ADDERS * ADDITIONS, (long)turns);
}
