/**
 * A `.deb` file: an ar archive of `debian-binary`, `control.tar[.gz|.xz|.zst]` and `data.tar[…]`. Source: deb(5).
 */
import { parseAr, TarReader, TarType, visitTar, type ArMember, type TarEntry, type TarVisitor } from "@stratos/formats";
import { UnpackLimitError, type Compression, type PackagePorts, type Unpack } from "../ports.ts";
import { parseSingleStanza, type Stanza } from "./control.ts";

/** Not a package, or a damaged one. */
export class DebError extends Error {
  override name = "DebError";
}

export interface ControlFile {
  name: string;
  mode: number;
  mtime: number;
  content: Uint8Array;
}

export interface DebArchive {
  control: Stanza;
  /** files of the control archive (`postinst`, `md5sums`, …), `control` itself included */
  controlFiles: ControlFile[];
  /** the data archive, unpacked: a tar; empty when it is larger than may be held, for `stream` then */
  data: Uint8Array;
  /** the same in pieces, from the beginning each time */
  stream: (() => AsyncIterable<Uint8Array>) | undefined;
}

interface DebTools extends Pick<PackagePorts, "decompress" | "latin1"> {
  /** without it, packages that are too large to be held are refused */
  unpack?: Unpack;
}

/** Control archives hold scripts, hashes and translations: the largest are below 4 MB. */
const CONTROL_SIZE_MAX = 64 << 20;
/**
 * What is held of a data archive; what is larger (a few hundred packages of Debian, of which fourteen go beyond 2 GiB)
 * is read as a stream, as often as it is needed.
 */
const DATA_HELD_MAX = 256 << 20;
/** A package that unpacks to more is taken for one that means to fill the disk. */
const DATA_SIZE_MAX = 2 ** 38;

const COMPRESSION_BY_SUFFIX: Readonly<Record<string, Compression>> = {
  "": "none",
  ".gz": "gzip",
  ".xz": "xz",
  ".zst": "zstd",
};

/**
 * Takes a package apart.
 *
 * @param name  for messages
 * @param part  `control` leaves the data archive packed, and `data` empty
 * @throws DebError  what is wrong further back in a data archive that is streamed is told while it is read
 */
export async function openDeb(
  bytes: Uint8Array,
  name: string,
  tools: DebTools,
  part: "all" | "control" = "all",
): Promise<DebArchive> {
  const members = parseAr(bytes);
  if (typeof members === "string") throw new DebError(`${name}: not a Debian package (ar: ${members})`);
  const format = members[0];
  if (format?.name !== "debian-binary" || !/^2\.[0-9]+\n/.test(tools.latin1(format.data.subarray(0, 16))))
    throw new DebError(`${name}: not a Debian package of format 2`);
  const find = (base: string): { member: ArMember; compression: Compression } => {
    // Members whose names begin with an underscore are to be passed over.
    const [member, ...others] = members.filter((one) => one.name === base || one.name.startsWith(`${base}.`));
    if (member === undefined) throw new DebError(`${name}: holds no ${base}`);
    // Readers would not agree on which of them counts.
    if (others.length > 0) throw new DebError(`${name}: holds ${base} more than once`);
    const compression = COMPRESSION_BY_SUFFIX[member.name.slice(base.length)];
    if (compression === undefined)
      throw new DebError(`${name}: ${member.name} is compressed in a way that is not known here`);
    return { member, compression };
  };
  const damaged = (member: ArMember, cause: unknown): DebError =>
    new DebError(
      `${name}: ${member.name} cannot be unpacked: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  const unpack = async (base: string, sizeMax: number): Promise<Uint8Array> => {
    const { member, compression } = find(base);
    try {
      return await tools.decompress(compression, member.data, sizeMax);
    } catch (cause) {
      throw damaged(member, cause);
    }
  };
  let stream: DebArchive["stream"];
  const openData = async (): Promise<Uint8Array> => {
    const { member, compression } = find("data.tar"),
      { unpack: streamed } = tools;
    // What was packed by nobody is a part of the file, which is held as it is.
    const heldMax = compression === "none" ? member.data.length : DATA_HELD_MAX;
    try {
      return await tools.decompress(compression, member.data, heldMax);
    } catch (cause) {
      if (!(cause instanceof UnpackLimitError) || streamed === undefined) throw damaged(member, cause);
    }
    stream = async function* () {
      let sizeBytes = 0;
      try {
        for await (const piece of streamed(compression, member.data)) {
          if ((sizeBytes += piece.length) > DATA_SIZE_MAX) throw new UnpackLimitError(DATA_SIZE_MAX);
          yield piece;
        }
      } catch (cause) {
        throw damaged(member, cause);
      }
    };
    return new Uint8Array(0);
  };
  const [controlTar, data] = await Promise.all([
    unpack("control.tar", CONTROL_SIZE_MAX),
    part === "all" ? openData() : new Uint8Array(0),
  ]);
  const controlFiles: ControlFile[] = [];
  readTar(controlTar, `${name}: control.tar`, (entry, content) => {
    const fileName = entry.path.replace(/^(\.\/)+/, "");
    if (entry.type !== TarType.file || fileName.includes("/") || fileName === "") return;
    controlFiles.push({ name: fileName, mode: entry.mode, mtime: entry.mtime, content: new Uint8Array(content) });
  });
  const controlFile = controlFiles.find((file) => file.name === "control");
  if (controlFile === undefined) throw new DebError(`${name}: has no control file`);
  return {
    control: parseSingleStanza(tools.latin1(controlFile.content), `${name}: control`),
    controlFiles,
    data,
    stream,
  };
}

/**
 * Walks a package's data archive, whatever its size: the content of files comes in pieces, which are only valid during
 * the call.
 *
 * @param name  for messages
 * @throws DebError  it is damaged
 */
export async function visitData(
  { data, stream }: Pick<DebArchive, "data" | "stream">,
  name: string,
  visitor: TarVisitor,
): Promise<void> {
  const reader = new TarReader(visitor);
  let error = stream === undefined ? reader.push(data) : undefined;
  if (stream !== undefined) {
    for await (const piece of stream()) {
      error = reader.push(piece);
      if (error !== undefined) break;
    }
  }
  error ??= reader.finish();
  if (error !== undefined) throw new DebError(`${name}: data.tar: damaged (tar: ${error})`);
}

/** The same with each file's content as a whole: held is the largest file at most, where the archive is not. */
export async function visitDataFiles(
  archive: Pick<DebArchive, "data" | "stream">,
  name: string,
  visit: (entry: TarEntry, content: Uint8Array) => void,
): Promise<void> {
  if (archive.stream === undefined) return readTar(archive.data, `${name}: data.tar`, visit);
  let current: TarEntry | undefined,
    content = NO_BYTES,
    fill = 0;
  await visitData(archive, name, {
    entry(entry) {
      current = entry;
      content = entry.type === TarType.file ? new Uint8Array(entry.size) : NO_BYTES;
      fill = 0;
    },
    data(bytes) {
      content.set(bytes, fill);
      fill += bytes.length;
    },
    end() {
      visit(current!, content);
    },
  });
}

const NO_BYTES = new Uint8Array(0);

/**
 * Checks that a package is the one that was meant: what a signed list says of a file's bytes it says of a name, too.
 *
 * @throws DebError
 */
export function requireIdentity(control: Stanza, one: { name: string; version: string; architecture: string }): void {
  const [name, version, architecture] = ["Package", "Version", "Architecture"].map((field) => control.get(field));
  if (name !== one.name || version !== one.version || architecture !== one.architecture) {
    throw new DebError(
      `${one.name} ${one.version}: the package is ${name} ${version} for ${architecture}, not what the index says`,
    );
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
