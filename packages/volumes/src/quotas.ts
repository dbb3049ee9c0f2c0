/** Quotas of a volume's live files, in bytes and by names: for the command line and the REST service. */
import { S_IFDIR, S_IFMT } from "@stratos/abi";
import {
  ATTRIBUTE_PROJECT,
  Attributes,
  DirectoryEntry,
  QUOTA_GROUP,
  QUOTA_PROJECT,
  QUOTA_USER,
  type QuotaKind as EngineQuotaKind,
  type QuotaReport,
} from "@stratos/aegisfs";
import { OperationError } from "@stratos/operation";
import { toByteString } from "./file-tree.ts";
import type { ListedQuota, QuotaLimits } from "./listed.ts";
import type { OpenedVolume } from "./open-volume.ts";
import { ownerName } from "./owner-names.ts";
import { expectResult } from "./volume-error.ts";
import { VolumeTree } from "./volume-tree.ts";

const BLOCK_SIZE = 4096;
const KINDS = { user: QUOTA_USER, group: QUOTA_GROUP, project: QUOTA_PROJECT } as const;
type QuotaOwnerKind = keyof typeof KINDS;
export const QUOTA_OWNER_KINDS = Object.keys(KINDS) as readonly QuotaOwnerKind[];

/** Who owns how much, and the limits; null while quotas are off. */
export function listQuotas({ volume }: OpenedVolume): ListedQuota[] | null {
  return volume.root.quotas.isOn ? volume.root.quotas.report().map(listed) : null;
}

function listed(report: QuotaReport): ListedQuota {
  const { id, blocks, blocksSoft, blocksHard, inodes, inodesSoft, inodesHard } = report;
  const kind = kindOf(report.kind);
  return {
    kind,
    id,
    name: kind === "project" ? null : ownerName(kind, id),
    usedBytes: blocks * BLOCK_SIZE,
    softBytes: blocksSoft * BLOCK_SIZE,
    hardBytes: blocksHard * BLOCK_SIZE,
    inodes,
    softInodes: inodesSoft,
    hardInodes: inodesHard,
  };
}

function kindOf(kind: EngineQuotaKind): QuotaOwnerKind {
  return QUOTA_OWNER_KINDS.find((name) => KINDS[name] === kind)!;
}

/** Counts what is there and from then on, or stops that and forgets all limits. @throws OperationError */
export function switchQuotas({ path, volume }: OpenedVolume, isOn: boolean): void {
  expectResult(path, volume.root.setQuotas(isOn));
}

/** Limits that are not given stay as they are. @throws OperationError while quotas are off */
export function setQuotaLimits(
  opened: OpenedVolume,
  kind: QuotaOwnerKind,
  id: number,
  limits: Partial<QuotaLimits>,
): void {
  const { path, volume } = opened;
  const before = requireQuotas(opened).find((quota) => quota.kind === kind && quota.id === id);
  const { softBytes = 0, hardBytes = 0, softInodes = 0, hardInodes = 0 } = { ...before, ...limits };
  expectResult(
    path,
    volume.root.setQuotaLimits(KINDS[kind], id, {
      blocksSoft: Math.ceil(softBytes / BLOCK_SIZE),
      blocksHard: Math.ceil(hardBytes / BLOCK_SIZE),
      inodesSoft: softInodes,
      inodesHard: hardInodes,
    }),
  );
}

/** @throws OperationError while quotas are off */
export function requireQuotas(opened: OpenedVolume): ListedQuota[] {
  const quotas = listQuotas(opened);
  if (quotas === null)
    throw new OperationError(
      "volume",
      opened.path,
      "quotas are off; `stratos fs quota on` counts what is there and turns them on",
    );
  return quotas;
}

/** A folder and all below it become a project's; 0: nobody's. @throws OperationError */
export function assignProject({ volume, path }: OpenedVolume, folder: string, project: number): void {
  const files = volume.root;
  const what = `${path}:${folder}`;
  const attributes = new Attributes();
  const entry = new DirectoryEntry();
  const waiting = [new VolumeTree(files, path).find(toByteString(folder))];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    expectResult(what, files.stat(at, attributes));
    const isDirectory = (attributes.mode & S_IFMT) === S_IFDIR;
    attributes.project = project;
    expectResult(what, files.setAttributes(at, attributes, ATTRIBUTE_PROJECT));
    if (!isDirectory) continue;
    for (let cursor = 0; expectResult(what, files.readDirectory(at, cursor, entry)) === 1; cursor = entry.nextCursor)
      waiting.push(entry.ino);
  }
}
