/** Snapshots in the order of their descent. */
import type { SnapshotEntry } from "@stratos/volumes/listed";

export type Snapshot = Omit<SnapshotEntry, "id" | "children" | "incomplete">;

/** Each behind what it goes on from; the live files and those without a parent begin. */
export function inTree(snapshots: readonly Snapshot[]): { readonly snapshot: Snapshot; readonly depth: number }[] {
  const names = new Set(snapshots.map(({ name }) => name));
  const ordered: { snapshot: Snapshot; depth: number }[] = [];
  const seen = new Set<string>();
  const visit = (snapshot: Snapshot, depth: number): void => {
    if (seen.has(snapshot.name)) return;
    seen.add(snapshot.name);
    ordered.push({ snapshot, depth });
    for (const child of snapshots) if (child.parent === snapshot.name) visit(child, depth + 1);
  };
  for (const snapshot of snapshots) if (snapshot.parent === null || !names.has(snapshot.parent)) visit(snapshot, 0);
  for (const snapshot of snapshots) visit(snapshot, 0);
  return ordered;
}
