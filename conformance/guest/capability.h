/* What selftests of Linux take of libcap, by capget(2), capset(2) and prctl(2). Names are libcap's (cap_get_proc(3)). */
#pragma once
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef int cap_value_t;
typedef enum { CAP_EFFECTIVE, CAP_PERMITTED, CAP_INHERITABLE } cap_flag_t;
typedef enum { CAP_CLEAR, CAP_SET } cap_flag_value_t;
typedef struct { struct __user_cap_header_struct head; struct __user_cap_data_struct sets[2]; } *cap_t;

static inline cap_t cap_get_proc(void) {
  cap_t all = calloc(1, sizeof *all);
  all->head.version = _LINUX_CAPABILITY_VERSION_3;
  syscall(SYS_capget, &all->head, all->sets);
  return all;
}
static inline int cap_set_proc(cap_t all) { return syscall(SYS_capset, &all->head, all->sets); }
static inline int cap_free(cap_t all) { free(all); return 0; }
static inline int cap_clear(cap_t all) {
  for (int half = 0; half < 2; half++) all->sets[half] = (struct __user_cap_data_struct){0, 0, 0};
  return 0;
}
static inline int cap_set_flag(cap_t all, cap_flag_t flag, int count, const cap_value_t *caps, cap_flag_value_t value) {
  for (int at = 0; at < count; at++) {
    struct __user_cap_data_struct *half = &all->sets[caps[at] / 32];
    __u32 *set = flag == CAP_EFFECTIVE ? &half->effective : flag == CAP_PERMITTED ? &half->permitted : &half->inheritable;
    __u32 bit = 1u << caps[at] % 32;
    *set = value == CAP_SET ? *set | bit : *set & ~bit;
  }
  return 0;
}
static inline unsigned cap_get_secbits(void) { return prctl(PR_GET_SECUREBITS); }
static inline int cap_set_secbits(unsigned bits) { return prctl(PR_SET_SECUREBITS, bits); }
static inline int cap_get_ambient(cap_value_t cap) { return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0); }
static inline int cap_set_ambient(cap_value_t cap, cap_flag_value_t value) {
  return prctl(PR_CAP_AMBIENT, value == CAP_SET ? PR_CAP_AMBIENT_RAISE : PR_CAP_AMBIENT_LOWER, cap, 0, 0);
}
