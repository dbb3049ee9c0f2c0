/** Sequence numbers (RFC 9293 §3.4) are int32: the sign of a difference of 32 bits tells which is first. */

export function isBefore(one: number, other: number): boolean {
  return ((one - other) | 0) < 0;
}

export function isAfter(one: number, other: number): boolean {
  return ((one - other) | 0) > 0;
}

/** How far `to` is behind `from`; negative when it is before it. */
export function distance(from: number, to: number): number {
  return (to - from) | 0;
}

export function laterOf(one: number, other: number): number {
  return isAfter(one, other) ? one : other;
}
