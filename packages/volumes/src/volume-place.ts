/**
 * Places in volumes, as the command line writes them: VOLUME[@SNAPSHOT][:PATH], where PATH begins with "/". The first
 * ":/" divides, so that VOLUME may hold colons and "@"; a snapshot's name holds neither "/", ":" nor "@". A path of the
 * host that lies in a mounted volume is a place in it, too.
 */
import { existsSync, lstatSync } from "node:fs";
import { resolve } from "node:path";
import { OperationError } from "@stratos/operation";
import { callContext } from "./call-context.ts";
import { findVolume } from "./find-volume.ts";

export interface VolumePlace {
  /** What names it (find-volume.ts). */
  readonly volume: string;
  /** Snapshot or subvolume; null: the live files. */
  readonly snapshot: string | null;
  /** Absolute path in it, as a string of Unicode characters. */
  readonly path: string;
  /** The same as an absolute path of the host, when it was given as one; null: it names the volume. */
  readonly mounted: string | null;
}

/** The place, or null when the text names something on the host, which may lie in a mount. */
export function findVolumePlace(text: string): VolumePlace | null {
  const match = /^(.+?):(\/.*)?$/s.exec(text);
  // A file of the host may be called so.
  if (match === null || (text.includes("/", match[1]!.length + 2) === false && exists(text))) return null;
  return { ...parseVolumeName(match[1]!), path: match[2] ?? "/", mounted: null };
}

/** VOLUME[@SNAPSHOT][:PATH], or a path in a mount; of a volume without a path the root is meant. */
export function parseVolumePlace(text: string): VolumePlace {
  return findVolumePlace(text) ?? placeInMount(text) ?? { ...parseVolumeName(text), path: "/", mounted: null };
}

/** The same where a path must be given. */
export function requireVolumePlace(text: string): VolumePlace {
  const place = findVolumePlace(text) ?? placeInMount(text);
  if (place === null)
    throw new OperationError(
      "option",
      text,
      exists(text)
        ? "expected VOLUME:/PATH, or a path in a mounted volume"
        : "expected VOLUME:/PATH, or a path that is there in a mounted volume",
    );
  return place;
}

/**
 * The same for what changes files by name, which is the host's business in a mount: its programs do it, and the kernel
 * knows of it.
 */
export function requireUnmountedPlace(text: string): VolumePlace {
  const place = findVolumePlace(text);
  if (place !== null) return place;
  if (placeInMount(text) !== null)
    throw new OperationError(
      "volume",
      text,
      "lies in a mounted volume: mkdir(1), rm(1), mv(1), ln(1) and cp(1) change what is there",
    );
  throw new OperationError("option", text, "expected VOLUME:/PATH");
}

function placeInMount(text: string): VolumePlace | null {
  if (callContext.caller === null && !exists(text)) return null;
  const { inside, paths } = findVolume(text);
  return inside === null
    ? null
    : { volume: paths[0]!, snapshot: inside.snapshot, path: inside.path, mounted: resolve(text) };
}

function exists(text: string): boolean {
  // A link that leads nowhere is there, too.
  return lstatSync(text, { throwIfNoEntry: false }) !== undefined;
}

function parseVolumeName(text: string): { volume: string; snapshot: string | null } {
  const match = /^(.+)@([^/:@]+)$/s.exec(text);
  return match === null || existsSync(text)
    ? { volume: text, snapshot: null }
    : { volume: match[1]!, snapshot: match[2]! };
}
