/**
 * Kinds of tasks. Each worker runs ours; others are run by workers with executors of their own, which offer the
 * capability `kind.NAME`, and a task of such a kind requires it. So a slip in a kind waits, and says for what, and no
 * host fails what it cannot know.
 */
const OUR_KINDS: readonly string[] = ["build", "command"];

/** What a host offers that runs tasks of a kind; null: each does. */
export function kindCapability(kind: string): string | null {
  return OUR_KINDS.includes(kind) ? null : `kind.${kind}`;
}

/** @returns in words what a host does that has a capability */
export function capabilityInWords(capability: string): string {
  if (!capability.startsWith("kind.")) return `offer ${capability}`;
  return `run tasks of kind ${capability.slice("kind.".length)} (all run ${OUR_KINDS.join(", ")})`;
}
