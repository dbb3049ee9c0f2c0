/**
 * Threaded control groups (Linux Documentation/admin-guide/cgroup-v2.rst, "Threads"): below a group that is a process's
 * domain, threaded groups hold threads of it. Controllers of what only a process has, memory, stay with the domain.
 *
 * ```
 *   domain            controllers of every kind, processes in the leaves
 *   └ domain threaded   the domain of what is below: threads beside groups are no matter
 *     ├ threaded
 *     │ └ domain invalid  made, and not yet said to be threaded: nothing comes in
 *     └ threaded
 * ```
 */
import { EBUSY, ENOENT, EOPNOTSUPP } from "@stratos/abi";
import { type ControlGroup, type Controller, MIXABLE } from "./control-group.ts";

type GroupType = "domain" | "threaded" | "domain threaded" | "domain invalid";

/** `cgroup.type`. */
export function typeOf(group: ControlGroup): GroupType {
  if (group.isThreaded) return "threaded";
  if (!isValidDomain(group)) return "domain invalid";
  return isThreadRoot(group) ? "domain threaded" : "domain";
}

/** A domain, and nothing above says that threads alone may be there. */
function isValidDomain(group: ControlGroup): boolean {
  if (group.isThreaded) return false;
  for (let above = group.parent; above !== null; above = above.parent)
    if (above.isThreaded || (above.parent !== null && isThreadRoot(above))) return false;
  return true;
}

/** Is it the domain of threaded groups, be it for threads that compete with groups of theirs? */
function isThreadRoot(group: ControlGroup): boolean {
  if (group.isThreaded) return false;
  for (const child of group.children.values()) if (child.isThreaded) return true;
  return group.members.size > 0 && [...group.delegated].some((each) => MIXABLE.has(each));
}

/** May it become one? The root is at any time. */
function canBeThreadRoot(group: ControlGroup): boolean {
  if (group.parent === null) return true;
  if (group.isThreaded || givesDomainControllers(group)) return false;
  for (const child of group.children.values()) if (child.isPopulated && !child.isThreaded) return false;
  return true;
}

function givesDomainControllers({ delegated }: ControlGroup): boolean {
  return [...delegated].some((each) => !MIXABLE.has(each));
}

/** May a group be made threaded? −EOPNOTSUPP */
export function mayBeThreaded(group: ControlGroup): number {
  const domain = group.parent!.domain;
  const isRefused =
    group.isPopulated || givesDomainControllers(group) || !isValidDomain(domain) || !canBeThreadRoot(domain);
  return isRefused ? -EOPNOTSUPP : 0;
}

/**
 * May threads come into the group, or begin there? −ENOENT: it is gone; −EOPNOTSUPP: its domain is none; −EBUSY: they
 * would compete with groups that have controllers of their own (the "no internal processes" rule)
 */
export function mayEnter(group: ControlGroup): number {
  if (group.isRemoved) return -ENOENT;
  if (!isValidDomain(group.domain)) return -EOPNOTSUPP;
  if (group.isThreaded || canBeThreadRoot(group)) return 0;
  return group.delegated.size > 0 ? -EBUSY : 0;
}

/** May these controllers be given to children? −EOPNOTSUPP, −EBUSY as for `mayEnter` */
export function mayDelegate(group: ControlGroup, wanted: readonly Controller[]): number {
  if (wanted.length === 0) return 0;
  if (!isValidDomain(group.domain)) return -EOPNOTSUPP;
  if (group.parent === null) return 0;
  if (wanted.some((each) => !MIXABLE.has(each))) {
    if (group.isThreaded || isThreadRoot(group)) return -EOPNOTSUPP;
  } else if (group.isThreaded || canBeThreadRoot(group)) return 0;
  return group.members.size > 0 ? -EBUSY : 0;
}
