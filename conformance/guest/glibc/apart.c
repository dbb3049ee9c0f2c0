/* What the support library asks of the C library's own parts. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

bool support_path_support_time64_value (const char *path, int64_t at, int64_t mt) { return true; }

void *
__libc_allocate_once_slow (void **place, void *(*allocate) (void *), void (*give_back) (void *, void *), void *closure)
{
  void *made = allocate (closure), *before = NULL;
  if (made == NULL || __atomic_compare_exchange_n (place, &before, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    return made;
  if (give_back == NULL) free (made); else give_back (closure, made);
  return before;
}
