/**
 * landlock(7): what a process has given up, for itself and all that it starts. A domain is a stack of layers, one for
 * each ruleset that was taken; each layer refuses what it handles, unless a rule of the same layer grants it. What is
 * asked is kept as a mask of layers for each right, from which rules take theirs until nothing is left.
 *
 * @see Linux security/landlock/ruleset.c, fs.c, task.c
 */
import {
  LANDLOCK_ACCESS_FS_EXECUTE,
  LANDLOCK_ACCESS_FS_IOCTL_DEV,
  LANDLOCK_ACCESS_FS_READ_FILE,
  LANDLOCK_ACCESS_FS_REFER,
  LANDLOCK_ACCESS_FS_TRUNCATE,
  LANDLOCK_ACCESS_FS_WRITE_FILE,
} from "@stratos/abi";

/** What a layer handles: LANDLOCK_ACCESS_FS_…, LANDLOCK_ACCESS_NET_…, LANDLOCK_SCOPE_…. */
export interface LandlockLayer {
  readonly fs: number;
  readonly net: number;
  readonly scoped: number;
}

/** What a rule grants, by layer. */
type Grants = readonly number[];

/** Immutable: one layer more makes another. Plain data, as the credentials are that it stands in. */
export interface LandlockDomain extends LandlockRules<Grants> {
  /** It has one layer less; null: this was the first. */
  readonly parent: LandlockDomain | null;
  readonly layers: readonly LandlockLayer[];
}

/** Once it has no name any more its number may be another file's, which the rule is not for. */
export interface RuleOwner {
  readonly nlink: number;
}

/** Is the rule that was made for `owner` one for `file`, which has its number? Undefined: nobody knows whose it was. */
export function isRuleFor(owner: RuleOwner | undefined, file: RuleOwner): boolean {
  return owner === undefined || owner === file || owner.nlink > 0;
}

/** Of files, which stand for all below them, by device and inode number; and of ports. */
interface LandlockRules<Granted> {
  readonly files: ReadonlyMap<number, ReadonlyMap<number, Granted>>;
  /** Whom the rules for files were made for, by the same; of machines that were saved before there are none. */
  readonly owners?: ReadonlyMap<number, ReadonlyMap<number, RuleOwner>>;
  readonly ports: ReadonlyMap<number, Granted>;
}

/** Layers that still refuse, by right. */
export type LayerMasks = Uint16Array;

export const LAYERS_MAX = 16;
export const RIGHT_COUNT = 16;
/** LANDLOCK_ACCESS_FS_…, of files and folders; those that a rule for a file, not a folder, may grant. */
export const ALL_FS_RIGHTS = (1 << RIGHT_COUNT) - 1,
  FILE_RIGHTS =
    LANDLOCK_ACCESS_FS_EXECUTE |
    LANDLOCK_ACCESS_FS_WRITE_FILE |
    LANDLOCK_ACCESS_FS_READ_FILE |
    LANDLOCK_ACCESS_FS_TRUNCATE |
    LANDLOCK_ACCESS_FS_IOCTL_DEV;

/** Rights to files that the layer refuses where no rule says otherwise: moving files between folders is never free. */
function handledFileRights({ fs }: LandlockLayer): number {
  return fs === 0 ? 0 : fs | LANDLOCK_ACCESS_FS_REFER;
}

/** All rights to files that some layer handles. */
export function allFileRights({ layers }: LandlockDomain): number {
  return layers.reduce((all, layer) => all | handledFileRights(layer), 0);
}

export function handlesFiles({ layers }: LandlockDomain): boolean {
  return layers.some(({ fs }) => fs !== 0);
}

/** Sets the layers that refuse each of the rights. @returns those rights that one refuses at all */
export function beginRequest(
  { layers }: LandlockDomain,
  rights: number,
  kind: "fs" | "net",
  masks: LayerMasks,
): number {
  masks.fill(0);
  let handled = 0;
  for (let level = 0; level < layers.length; level++) {
    const layer = layers[level]!;
    const own = rights & (kind === "fs" ? handledFileRights(layer) : layer.net);
    handled |= own;
    for (let right = 0; right < RIGHT_COUNT; right++) if ((own & (1 << right)) !== 0) masks[right]! |= 1 << level;
  }
  return handled;
}

/** Takes off what the rule grants. @returns is nothing of the rights refused any more? */
export function grant(rule: Grants | undefined, rights: number, masks: LayerMasks): boolean {
  if (rule !== undefined)
    for (let level = 0; level < rule.length; level++) {
      const granted = rule[level]! & rights;
      if (granted === 0) continue;
      for (let right = 0; right < RIGHT_COUNT; right++)
        if ((granted & (1 << right)) !== 0) masks[right]! &= ~(1 << level);
    }
  return !isRefused(rights, masks);
}

export function isRefused(rights: number, masks: LayerMasks): boolean {
  return refusedOf(rights, masks) !== 0;
}

/** Which of the rights a layer still refuses. */
export function refusedOf(rights: number, masks: LayerMasks): number {
  let refused = 0;
  for (let right = 0; right < RIGHT_COUNT; right++)
    if ((rights & (1 << right)) !== 0 && masks[right] !== 0) refused |= 1 << right;
  return refused;
}

/** Forgets all but the rights. @returns as `grant` */
export function narrow(rights: number, masks: LayerMasks): boolean {
  for (let right = 0; right < RIGHT_COUNT; right++) if ((rights & (1 << right)) === 0) masks[right] = 0;
  return !isRefused(rights, masks);
}

/** A layer more. @param rules  of a ruleset, which knows no layers */
export function withLayer(
  parent: LandlockDomain | null,
  layer: LandlockLayer,
  { files, owners, ports }: LandlockRules<number>,
): LandlockDomain {
  const level = parent?.layers.length ?? 0;
  const inLayer = <Key>(
    from: ReadonlyMap<Key, Grants> | undefined,
    own: ReadonlyMap<Key, number>,
  ): Map<Key, Grants> => {
    const all = new Map(from);
    for (const [key, rights] of own) {
      const below = all.get(key) ?? [];
      all.set(key, [...Array.from({ length: level }, (_, at) => below[at] ?? 0), rights]);
    }
    return all;
  };
  const allFiles = new Map(parent?.files),
    allOwners = new Map(parent?.owners);
  for (const [device, own] of files) {
    const before = allOwners.get(device),
      now = owners?.get(device);
    const kept = [...(allFiles.get(device) ?? [])].filter(([ino]) => {
      const owner = now?.get(ino);
      return owner === undefined || isRuleFor(before?.get(ino), owner);
    });
    allFiles.set(device, inLayer(new Map(kept), own));
    allOwners.set(device, new Map([...(before ?? []), ...(now ?? [])]));
  }
  return {
    parent,
    layers: [...(parent?.layers ?? []), layer],
    files: allFiles,
    owners: allOwners,
    ports: inLayer(parent?.ports, ports),
  };
}

/** May who is in `tracer` look into what is in `traced`, as he has given up no more? */
export function mayTrace(tracer: LandlockDomain | null, traced: LandlockDomain | null): boolean {
  if (tracer === null) return true;
  for (let at = traced; at !== null; at = at.parent) if (at === tracer) return true;
  return false;
}

/** Has `from` given up reaching what is outside of one of its domains, and is `to` outside? @see domain_is_scoped */
export function isOutOfScope(from: LandlockDomain | null, to: LandlockDomain | null, scope: number): boolean {
  let other = to;
  while (other !== null && from !== null && other.layers.length > from.layers.length) other = other.parent;
  for (let at = from; at !== null; at = at.parent) {
    if (other !== null && other.layers.length > at.layers.length) other = other.parent;
    if ((at.layers.at(-1)!.scoped & scope) !== 0) return other !== at;
  }
  return false;
}
