/** What the service tells of volumes, beyond `@stratos/volumes/listed`. */
import type { Role } from "@stratos/volumes/roles";

/** Who asks. */
export interface VolumeCaller {
  readonly name: string;
  readonly role: Role;
  /** The service changes nothing. */
  readonly readOnly: boolean;
}

export interface VolumeHealth {
  readonly state: string;
  readonly copies: number;
  readonly devices: readonly {
    readonly index: number;
    readonly uuid: string;
    readonly state: string;
    readonly class: string;
    /** Of BLOCK_BYTES. */
    readonly blocks: number;
    /** Since the volume was opened. */
    readonly readBytes: number;
    readonly writtenBytes: number;
    readonly errors: {
      readonly readErrors: number;
      readonly writeErrors: number;
      readonly corruptBlocks: number;
      readonly repairedBlocks: number;
      readonly lostBlocks: number;
    };
  }[];
}

export const BLOCK_BYTES = 4096;

export interface VolumeFile {
  readonly name: string;
  readonly kind: string;
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly modifiedAt: string;
  readonly target?: string;
}

export interface SnapshotChange {
  readonly change: string;
  readonly path: string;
  readonly from?: string;
}

export interface AuditPage {
  readonly entries: readonly { readonly time: string; readonly operation: string; readonly block: number }[];
  /** The block that goes on; null: that was all. */
  readonly next: number | null;
}

/** Folders first, by name. */
export function inOrder(files: readonly VolumeFile[]): VolumeFile[] {
  return [...files].sort(
    (a, b) => Number(b.kind === "directory") - Number(a.kind === "directory") || (a.name < b.name ? -1 : 1),
  );
}

export function joinPath(folder: string, name: string): string {
  return folder === "/" ? `/${name}` : `${folder}/${name}`;
}

export function parentPath(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}
