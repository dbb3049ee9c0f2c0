/** Classes of objects that are taken for equal: disjoint sets whose paths are made short (Tarjan 1975). */

/** Makes two objects one class. @returns whether they were one already */
export function isJoined<T>(classes: Map<T, T>, a: T, b: T): boolean {
  const one = classOf(classes, a);
  const other = classOf(classes, b);
  if (one === other) return true;
  classes.set(one, other);
  return false;
}

function classOf<T>(classes: Map<T, T>, object: T): T {
  let found = object;
  for (let next = classes.get(found); next !== undefined; next = classes.get(found)) found = next;
  // Who asks again has a short way.
  for (let at = object; at !== found;) {
    const next = classes.get(at)!;
    classes.set(at, found);
    at = next;
  }
  return found;
}
