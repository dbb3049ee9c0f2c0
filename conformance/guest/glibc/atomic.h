#include <stdbool.h>
#define atomic_load_acquire(at) __atomic_load_n (at, __ATOMIC_ACQUIRE)
#define atomic_load_relaxed(at) __atomic_load_n (at, __ATOMIC_RELAXED)
#define atomic_store_relaxed(at, value) __atomic_store_n (at, value, __ATOMIC_RELAXED)
#define atomic_store_release(at, value) __atomic_store_n (at, value, __ATOMIC_RELEASE)
#define atomic_fetch_add_acq_rel(at, value) __atomic_fetch_add (at, value, __ATOMIC_ACQ_REL)
#define atomic_fetch_add_acquire(at, value) __atomic_fetch_add (at, value, __ATOMIC_ACQUIRE)
#define atomic_fetch_add_relaxed(at, value) __atomic_fetch_add (at, value, __ATOMIC_RELAXED)
#define atomic_fetch_add_release(at, value) __atomic_fetch_add (at, value, __ATOMIC_RELEASE)
#define atomic_exchange_relaxed(at, value) __atomic_exchange_n (at, value, __ATOMIC_RELAXED)
#define atomic_thread_fence_acquire() __atomic_thread_fence (__ATOMIC_ACQUIRE)
#define atomic_thread_fence_release() __atomic_thread_fence (__ATOMIC_RELEASE)
#define atomic_compare_exchange_weak_acquire(at, expected, value) \
  __atomic_compare_exchange_n (at, expected, value, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)
#define atomic_compare_exchange_weak_relaxed(at, expected, value) \
  __atomic_compare_exchange_n (at, expected, value, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)
