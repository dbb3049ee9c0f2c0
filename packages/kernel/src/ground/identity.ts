/** A thing that a number can stand for: a key, an order among things, a reference that is plain data. */
export interface Identified {
  /** 0: nobody asked for it yet. */
  identity: number;
}

/** @param numbers  of the machine, which count up */
export function identityOf(numbers: { lastIdentity: number }, thing: Identified): number {
  if (thing.identity === 0) thing.identity = ++numbers.lastIdentity;
  return thing.identity;
}
