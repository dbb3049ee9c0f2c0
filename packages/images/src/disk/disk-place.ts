/**
 * Places in disk images, as the command line writes them: IMAGE[@PART][:PATH], where PART is a partition's number or
 * name and PATH begins with "/". The first ":/" divides, as for volumes of `stratos fs`.
 */
import { OperationError } from "@stratos/operation";

export interface DiskPlace {
  /** file or device on the host */
  readonly image: string;
  /** number or name of a partition; null: the one that is meant is found */
  readonly part: string | null;
  /** absolute path in it */
  readonly path: string;
}

/** The place, or null when the text names something on the host. */
export function findDiskPlace(text: string): DiskPlace | null {
  const match = /^(.+?):(\/.*)$/s.exec(text);
  return match === null ? null : { ...parseImage(match[1]!), path: match[2]! };
}

/** IMAGE[@PART][:PATH]; without a path the root is meant. */
export function parseDiskPlace(text: string): DiskPlace {
  return findDiskPlace(text) ?? { ...parseImage(text), path: "/" };
}

export function requireDiskPlace(text: string): DiskPlace {
  const place = findDiskPlace(text);
  if (place === null) throw new OperationError("option", text, "expected IMAGE:/PATH or IMAGE@PART:/PATH");
  return place;
}

function parseImage(text: string): { image: string; part: string | null } {
  const match = /^(.+)@([^/:@]+)$/s.exec(text);
  return match === null ? { image: text, part: null } : { image: match[1]!, part: match[2]! };
}
