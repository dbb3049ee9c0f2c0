/* Stands before each of glibc's test files, which expect their own build: what they use of it, by public headers. */
#define _GNU_SOURCE 1
#include <limits.h>
#include <stddef.h>
#include <sys/cdefs.h>
#define attribute_hidden
#define HAVE_TUNABLES 1
#define IN_MODULE 0
#define IS_IN(module) 0
#define libc_freeres_ptr(declaration) declaration
#define libc_hidden_def(name)
#define libc_hidden_proto(name)
#define TIMEOUTFACTOR 10
#define __glibc_likely(condition) __builtin_expect (!!(condition), 1)
#define __glibc_unlikely(condition) __builtin_expect (!!(condition), 0)

/* Flags that the cross compiler's headers may be too old for: a test takes the next bit for one that is not known. */
#include <sys/uio.h>
#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif
#ifndef RWF_ATOMIC
#define RWF_ATOMIC 0x40
#endif
