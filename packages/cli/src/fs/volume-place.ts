/**
 * Places in volumes, as the command line writes them: VOLUME[@SNAPSHOT][:PATH], where PATH begins with "/". The first ":/" divides, so
 * that VOLUME may hold colons and "@"; a snapshot's name holds neither "/", ":" nor "@".
 */
import { UsageError } from "../command-error.ts";

export interface VolumePlace {
  /** File or device on the host. */
  readonly volume: string;
  /** Snapshot or subvolume; null: the live files. */
  readonly snapshot: string | null;
  /** Absolute path in it, as a string of Unicode characters. */
  readonly path: string;
}

/** The place, or null when the text names something on the host. */
export function findVolumePlace(text: string): VolumePlace | null {
  const match = /^(.+?):(\/.*)?$/s.exec(text);
  if (match === null) return null;
  return { ...parseVolumeName(match[1]!), path: match[2] ?? "/" };
}

/** VOLUME[@SNAPSHOT][:PATH]; without a path the root is meant. */
export function parseVolumePlace(text: string): VolumePlace {
  return findVolumePlace(text) ?? { ...parseVolumeName(text), path: "/" };
}

/** The same where a path must be given. */
export function requireVolumePlace(text: string): VolumePlace {
  const place = findVolumePlace(text);
  if (place === null) throw new UsageError(text, "expected VOLUME:/PATH");
  return place;
}

function parseVolumeName(text: string): { volume: string; snapshot: string | null } {
  const match = /^(.+)@([^/:@]+)$/s.exec(text);
  return match === null ? { volume: text, snapshot: null } : { volume: match[1]!, snapshot: match[2]! };
}
