/** Harts of a machine at most; each is a bit of a 32-bit mask. */
export const MAX_HARTS = 32;
