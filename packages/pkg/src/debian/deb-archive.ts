/**
 * A `.deb` file: an ar archive of `debian-binary`, `control.tar[.gz|.xz|.zst]` and `data.tar[…]`. Source: deb(5).
 */
import { parseAr, TarType, visitTar, type TarEntry } from "@stratos/formats";
import type { Compression, Decompress } from "../ports.ts";
import { parseSingleStanza, type Stanza } from "./control.ts";

/** Not a package, or a damaged one. */
export class DebError extends Error {
  override name = "DebError";
}

export interface ControlFile { name: string; mode: number; mtime: number; content: Uint8Array }

export interface DebArchive {
  control: Stanza;
  /** files of the control archive (`postinst`, `md5sums`, …), `control` itself included */
  controlFiles: ControlFile[];
  /** the data archive, unpacked: a tar */
  data: Uint8Array;
}

/** Control archives hold scripts, hashes and translations: the largest are below 4 MB. */
const CONTROL_SIZE_MAX = 64 << 20;
/** The largest package of Debian unpacks to some 3 GB; what a single buffer holds bounds us earlier. */
const DATA_SIZE_MAX = 2 ** 31;

const COMPRESSION_BY_SUFFIX: Readonly<Record<string, Compression>> = { "": "none", ".gz": "gzip", ".xz": "xz", ".zst": "zstd" };

/**
 * Takes a package apart.
 *
 * @param name  for messages
 * @param part  `control` leaves the data archive packed, and `data` empty
 * @throws DebError
 */
export async function openDeb(bytes: Uint8Array, name: string, options: { decompress: Decompress; latin1(bytes: Uint8Array): string }, part: "all" | "control" = "all"): Promise<DebArchive> {
  const members = parseAr(bytes);
  if (typeof members === "string") throw new DebError(`${name}: not a Debian package (ar: ${members})`);
  const format = members[0];
  if (format?.name !== "debian-binary" || !/^2\.[0-9]+\n/.test(options.latin1(format.data.subarray(0, 16)))) throw new DebError(`${name}: not a Debian package of format 2`);
  const unpack = async (base: string, sizeMax: number): Promise<Uint8Array> => {
    // Members whose names begin with an underscore are to be passed over.
    const [member, ...others] = members.filter((one) => one.name === base || one.name.startsWith(`${base}.`));
    if (member === undefined) throw new DebError(`${name}: holds no ${base}`);
    // Readers would not agree on which of them counts.
    if (others.length > 0) throw new DebError(`${name}: holds ${base} more than once`);
    const compression = COMPRESSION_BY_SUFFIX[member.name.slice(base.length)];
    if (compression === undefined) throw new DebError(`${name}: ${member.name} is compressed in a way that is not known here`);
    try {
      return await options.decompress(compression, member.data, sizeMax);
    } catch (cause) {
      throw new DebError(`${name}: ${member.name} cannot be unpacked: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
  };
  const [controlTar, data] = await Promise.all([unpack("control.tar", CONTROL_SIZE_MAX), part === "all" ? unpack("data.tar", DATA_SIZE_MAX) : new Uint8Array(0)]);
  const controlFiles: ControlFile[] = [];
  readTar(controlTar, `${name}: control.tar`, (entry, content) => {
    const fileName = entry.path.replace(/^(\.\/)+/, "");
    if (entry.type !== TarType.file || fileName.includes("/") || fileName === "") return;
    controlFiles.push({ name: fileName, mode: entry.mode, mtime: entry.mtime, content: new Uint8Array(content) });
  });
  const controlFile = controlFiles.find((file) => file.name === "control");
  if (controlFile === undefined) throw new DebError(`${name}: has no control file`);
  return { control: parseSingleStanza(options.latin1(controlFile.content), `${name}: control`), controlFiles, data };
}

/**
 * Checks that a package is the one that was meant: what a signed list says of a file's bytes it says of a name, too.
 *
 * @throws DebError
 */
export function requireIdentity(control: Stanza, one: { name: string; version: string; architecture: string }): void {
  const [name, version, architecture] = ["Package", "Version", "Architecture"].map((field) => control.get(field));
  if (name !== one.name || version !== one.version || architecture !== one.architecture) {
    throw new DebError(`${one.name} ${one.version}: the package is ${name} ${version} for ${architecture}, not what the index says`);
  }
}

/**
 * Walks a whole tar archive in memory.
 *
 * @param visit  gets each entry with its content, a view of `tar` (empty for all but files)
 * @throws DebError  the archive is damaged
 */
export function readTar(tar: Uint8Array, name: string, visit: (entry: TarEntry, content: Uint8Array) => void): void {
  const error = visitTar(tar, visit);
  if (error !== undefined) throw new DebError(`${name}: damaged (tar: ${error})`);
}
