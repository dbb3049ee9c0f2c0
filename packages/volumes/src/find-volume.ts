/**
 * What volume does an argument mean? The one place that knows. It may be
 *
 *     a file or device, or several of one volume: A,B,C      one of several devices is enough where the others can be
 *     found
 *     UUID=…, LABEL=…, or a UUID alone                       volume-scan.ts says where is looked; in lower case
 *     mount(8) leaves it to us
 *     a folder or file in a mounted volume                   the volume that it lies in
 *
 * A command that runs in the process that serves the volume must not look into its own mount: it is told what its
 * caller's arguments meant (call-context.ts).
 */
import { realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { lockOwner } from "@stratos/host-node";
import { volumePaths } from "@stratos/tools-node/volumes";
import { AEGISFS_TYPE, readMountTable, type MountEntry } from "@stratos/host-node/mounts";
import { type NamedVolume } from "@stratos/tools-node/fuse";
import { hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";
import { callContext } from "./call-context.ts";
import { mountedSubvolume } from "./mounted-subvolume.ts";
import { probeDevice, scanDevices, volumesOf, type ScannedVolume } from "./volume-scan.ts";

export type FoundVolume = NamedVolume;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** @throws OperationError in words for what is no volume, and for several that it may mean */
export function findVolume(text: string): FoundVolume {
  const { volumes, caller } = callContext;
  const told = caller === null ? undefined : volumes.get(text);
  if (told !== undefined) return told;
  const volume = caller === null ? look(text) : { text, paths: volumePaths(text), inside: null };
  volumes.set(text, volume);
  return volume;
}

function look(text: string): FoundVolume {
  const [, tag, value] = /^(UUID|LABEL)=(.*)$/is.exec(text) ?? [];
  if (tag !== undefined)
    return named(text, tag.toUpperCase() === "UUID" ? "UUID" : "LABEL", value!.replace(/^"(.*)"$/s, "$1"));
  const list = volumePaths(text);
  if (list.length > 1) return { text, paths: sourceFirst(list.map(realPath)), inside: null };
  let place: string;
  let isFolder: boolean, mayHoldOne: boolean;
  try {
    place = realpathSync(text);
    const stat = statSync(place);
    isFolder = stat.isDirectory();
    mayHoldOne = stat.isFile() || stat.isBlockDevice();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" && UUID.test(text)) return named(text, "UUID", text);
    if ((error as NodeJS.ErrnoException).code === "ENOTCONN")
      throw new OperationError(
        "volume",
        text,
        "the server of this mount has died; `stratos fs mount VOLUME DIR` mounts it anew",
      );
    throw new OperationError("volume", text, hostReason(error), { cause: error });
  }
  if (isFolder) {
    const inside = mountedAt(place);
    if (inside === null)
      throw new OperationError(
        "volume",
        text,
        `is a folder ${whereabouts(place)}, and no AegisFS volume: name a volume's file or device, its UUID=… or ` +
          "LABEL=…, or a path in a mounted one",
      );
    return { text, ...inside };
  }
  // Of these some wait for a writer when they are opened; in a mounted volume they are files like others.
  if (!mayHoldOne) {
    const inside = mountedAt(place);
    if (inside === null)
      throw new OperationError("volume", text, "is neither a file nor a block device, and no AegisFS volume");
    return { text, ...inside };
  }
  // A file in a mounted volume may be another volume, or one of its files.
  const probed = probeDevice(place);
  if (probed === null) return { text, ...(mountedAt(place) ?? { paths: [place], inside: null }) };
  if (probed.members.length < 2) return { text, paths: [place], inside: null };
  const [whole] = volumesOf(scanDevices([dirname(place)])).filter((volume) => volume.uuid === probed.uuid);
  const others = (whole?.devices ?? []).filter(({ deviceUuid }) => deviceUuid !== probed.deviceUuid);
  if (others.length === whole?.devices.length)
    throw new OperationError(
      "volume",
      text,
      `is no longer a device of its volume, which ${others.map(({ path }) => path).join(",")} ` +
        `${others.length === 1 ? "is" : "are"} now`,
    );
  const copy = whole?.copies.find(({ deviceUuid }) => deviceUuid !== probed.deviceUuid);
  if (copy !== undefined)
    throw new OperationError(
      "volume",
      text,
      `${copy.path} and ${others.find(({ deviceUuid }) => deviceUuid === copy.deviceUuid)!.path} both say that ` +
        `they are device ${copy.index} of the volume: name its devices, A,B,C`,
    );
  return { text, paths: sourceFirst([place, ...others.map(({ path }) => path)]), inside: null };
}

/** `on ext4`, for messages. */
function whereabouts(place: string): string {
  const mount = enclosingMount(place);
  return mount === null ? "of this host" : `on ${mount.type}`;
}

function named(text: string, tag: "UUID" | "LABEL", value: string): FoundVolume {
  const volumes = volumesOf(scanDevices([process.cwd()]));
  const fitting = volumes.filter(({ uuid, label }) =>
    tag === "UUID" ? uuid === value.toLowerCase() : label === value && value !== "",
  );
  const list = (some: readonly ScannedVolume[]): string =>
    some.map(({ devices }) => devices.map(({ path }) => path).join(",")).join(" and ");
  const [volume, other] = fitting;
  if (volume === undefined)
    throw new OperationError(
      "volume",
      text,
      "no volume that is known has it; `stratos fs device list` shows them, and --dir says where else to look",
    );
  if (other !== undefined)
    throw new OperationError("volume", text, `several volumes have it: ${list(fitting)}; name one by its path`);
  if (volume.copies.length > 0)
    throw new OperationError(
      "volume",
      text,
      `${[...volume.devices, ...volume.copies].map(({ path }) => path).join(" and ")} are copies of one another; ` +
        "name one by its path",
    );
  return { text, paths: sourceFirst(volume.devices.map(({ path }) => path)), inside: null };
}

/** The process that serves a volume listens where its mount's source is. */
function sourceFirst(paths: readonly string[]): string[] {
  if (paths.length < 2) return [...paths];
  const sources = new Set(aegisMounts().map(({ source }) => source));
  const first = paths.find((path) => sources.has(realPath(path)));
  return first === undefined ? [...paths] : [first, ...paths.filter((path) => path !== first)];
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

const aegisMounts = (): MountEntry[] => readMountTable().filter(({ type }) => type === AEGISFS_TYPE);

/** The mount that a path without links lies in. */
function enclosingMount(place: string): MountEntry | null {
  const around = readMountTable().filter(
    ({ mountPoint }) => place === mountPoint || mountPoint === "/" || place.startsWith(`${mountPoint}/`),
  );
  return around.reduce<MountEntry | null>(
    (best, mount) => (best === null || mount.mountPoint.length >= best.mountPoint.length ? mount : best),
    null,
  );
}

/** The volume whose mount a path lies in, and the place that it names there; null where that is no AegisFS. */
function mountedAt(place: string): Omit<FoundVolume, "text"> | null {
  const mount = enclosingMount(place);
  if (mount === null || mount.type !== AEGISFS_TYPE) return null;
  const path = join(mount.root, place.slice(mount.mountPoint.length) || "/");
  // Snapshots show themselves as folders.
  const [, snapshot, rest] = /^\/\.snapshots\/([^/]+)(\/.*)?$/s.exec(path) ?? [];
  const inside =
    snapshot === undefined ? { snapshot: mountedSubvolume(mount.source), path } : { snapshot, path: rest ?? "/" };
  const server = lockOwner(mount.source);
  return { paths: [mount.source, ...(server === null ? [] : furtherDevices(mount.source, server))], inside };
}

/** Further devices of a volume that is mounted, or all, when its source has left it meanwhile. */
function furtherDevices(source: string, server: number): string[] {
  const probed = probeDevice(source);
  if (probed === null)
    return scanDevices([dirname(source)])
      .map(({ path }) => path)
      .filter((path) => path !== source && lockOwner(path) === server);
  if (probed.members.length < 2) return [];
  const [whole] = volumesOf(scanDevices([dirname(source)])).filter(({ uuid }) => uuid === probed.uuid);
  return (whole?.devices ?? []).map(({ path }) => path).filter((path) => path !== source);
}

/** Where the volume's live files are mounted in this namespace, writable mounts first; null: nowhere. */
export function mountOf({ paths }: FoundVolume): MountEntry | null {
  const source = realPath(paths[0]!);
  const mounts = aegisMounts().filter((mount) => mount.source === source && mount.root === "/");
  return mounts.find(({ options }) => options.includes("rw")) ?? mounts[0] ?? null;
}
