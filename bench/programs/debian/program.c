/* What `gcc -O2` compiles in its row. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry { char *word; int count; struct entry *next; };
static struct entry *table[1024];

static unsigned hash(const char *word) {
  unsigned value = 5381;
  while (*word) value = value * 33 + (unsigned char)*word++;
  return value % 1024;
}

static void note(const char *word) {
  struct entry **at = &table[hash(word)];
  for (; *at != NULL; at = &(*at)->next)
    if (strcmp((*at)->word, word) == 0) {
      (*at)->count++;
      return;
    }
  *at = malloc(sizeof **at);
  (*at)->word = strdup(word);
  (*at)->count = 1;
  (*at)->next = NULL;
}

int main(void) {
  char word[64];
  int length = 0, c;
  while ((c = getchar()) != EOF) {
    if (isalpha(c) && length < 63) word[length++] = (char)tolower(c);
    else if (length > 0) {
      word[length] = 0;
      note(word);
      length = 0;
    }
  }
  for (int i = 0; i < 1024; i++)
    for (struct entry *e = table[i]; e != NULL; e = e->next) printf("%s %d\n", e->word, e->count);
  return 0;
}
