/* Pointer chasing through a shuffled ring that exceeds the first caches, and a linked list that is reversed in place. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct node { struct node *next; uint64_t value; };
enum { NODES = 1 << 16 };

int main(void) {
  struct node *nodes = malloc(NODES * sizeof *nodes);
  uint32_t *order = malloc(NODES * sizeof *order), seed = 12345;
  for (uint32_t i = 0; i < NODES; i++) order[i] = i;
  for (uint32_t i = NODES - 1; i > 0; i--) {
    seed = seed * 1664525 + 1013904223;
    uint32_t j = seed % (i + 1), held = order[i];
    order[i] = order[j];
    order[j] = held;
  }
  for (uint32_t i = 0; i < NODES; i++) {
    nodes[order[i]].next = &nodes[order[(i + 1) % NODES]];
    nodes[order[i]].value = i;
  }
  uint64_t sum = 0;
  struct node *at = nodes;
  for (uint32_t step = 0; step < 40000000; step++) {
    sum += at->value;
    at = at->next;
  }
  for (int round = 0; round < 100; round++) {
    struct node *previous = NULL, *start = at, *node = at;
    do {
      struct node *next = node->next;
      node->next = previous;
      previous = node;
      node = next;
    } while (node != start);
    start->next = previous;
    at = previous;
    sum = sum * 31 + at->value;
  }
  printf("%016llx\n", (unsigned long long)sum);
  return 0;
}
