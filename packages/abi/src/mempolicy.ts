/** Memory policy, numa(7). Source: Linux include/uapi/linux/mempolicy.h. */
export const MPOL_DEFAULT = 0,
  MPOL_PREFERRED = 1,
  MPOL_BIND = 2,
  MPOL_INTERLEAVE = 3,
  MPOL_LOCAL = 4,
  MPOL_PREFERRED_MANY = 5,
  MPOL_WEIGHTED_INTERLEAVE = 6,
  MPOL_MAX = 7;
export const MPOL_F_STATIC_NODES = 0x8000,
  MPOL_F_RELATIVE_NODES = 0x4000,
  MPOL_F_NUMA_BALANCING = 0x2000;
/** get_mempolicy(2). */
export const MPOL_F_NODE = 1,
  MPOL_F_ADDR = 2,
  MPOL_F_MEMS_ALLOWED = 4;
/** mbind(2), move_pages(2). */
export const MPOL_MF_STRICT = 1,
  MPOL_MF_MOVE = 2,
  MPOL_MF_MOVE_ALL = 4;
