/** How the content of a file or folder is kept: compressed, shared with equal content, on which devices. */
import {
  COMPRESS_LZ4,
  COMPRESS_NONE,
  COMPRESS_UNSET,
  COMPRESS_ZSTD,
  compressionOf,
  DEDUPE_OFF,
  DEDUPE_ON,
  DEDUPE_UNSET,
  dedupeOf,
  levelOf,
  TIER_ANY,
  TIER_FAST,
  TIER_SLOW,
  TIER_UNSET,
  tierOf,
  withCompression,
  withDedupe,
  withTier,
} from "@stratos/aegisfs";
import { OperationError } from "@stratos/operation";
import type { ListedProperties, PropertyWords } from "./listed.ts";
import type { VolumeTree } from "./volume-tree.ts";

const CODECS = { none: COMPRESS_NONE, lz4: COMPRESS_LZ4, zstd: COMPRESS_ZSTD } as const;
const DEDUPES = { on: DEDUPE_ON, off: DEDUPE_OFF, inherit: DEDUPE_UNSET } as const;
const TIERS = { fast: TIER_FAST, slow: TIER_SLOW, any: TIER_ANY, inherit: TIER_UNSET } as const;

type DedupeChoice = keyof typeof DEDUPES;
type TierChoice = keyof typeof TIERS;

/** What is not given stays. */
interface PropertyChange {
  /** Null: as the folder above. */
  readonly compression?: { readonly name: keyof typeof CODECS; readonly level: number } | null | undefined;
  readonly dedupe?: DedupeChoice | undefined;
  readonly tier?: TierChoice | undefined;
}

/** @throws OperationError for what is neither file nor folder */
export function contentProperties(tree: VolumeTree, path: string): ListedProperties {
  const ino = requireContent(tree, path);
  return {
    ...words(tree.files.effectiveProperties(ino), ["none", "off", "any"]),
    own: words(tree.expect(path, tree.files.ownProperties(ino)), ["inherit", "inherit", "inherit"]),
  };
}

/** @throws OperationError for what is neither file nor folder */
export function setContentProperties(tree: VolumeTree, path: string, change: PropertyChange): void {
  const ino = requireContent(tree, path);
  const { compression, dedupe, tier } = change;
  let own = tree.expect(path, tree.files.ownProperties(ino));
  if (compression !== undefined)
    own = withCompression(
      own,
      compression === null ? COMPRESS_UNSET : CODECS[compression.name],
      compression?.level ?? 0,
    );
  if (dedupe !== undefined) own = withDedupe(own, DEDUPES[dedupe]);
  if (tier !== undefined) own = withTier(own, TIERS[tier]);
  tree.expect(path, tree.files.setProperties(ino, own));
}

/** A tier's name. */
export function tierName(tier: number): TierChoice {
  return find(TIERS, tier) as TierChoice;
}

function requireContent(tree: VolumeTree, path: string): number {
  const kind = tree.facts(path)?.kind;
  if (kind === "file" || kind === "directory") return tree.find(path);
  throw new OperationError(
    "volume",
    tree.shown(path),
    kind === undefined ? "no such file or directory" : "only files and folders have properties",
  );
}

/** @param unset  what to call compression, dedupe and tier that are not set */
function words(properties: number, unset: readonly [string, string, string]): PropertyWords {
  const [compression, level] = [compressionOf(properties), levelOf(properties)];
  const [dedupe, tier] = [dedupeOf(properties), tierOf(properties)];
  return {
    compression:
      compression === COMPRESS_UNSET ? unset[0] : `${find(CODECS, compression)}${level > 0 ? `:${level}` : ""}`,
    dedupe: dedupe === DEDUPE_UNSET ? unset[1] : find(DEDUPES, dedupe),
    tier: tier === TIER_UNSET ? unset[2] : find(TIERS, tier),
  };
}

function find(names: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(names).find((name) => names[name] === value) ?? String(value);
}
