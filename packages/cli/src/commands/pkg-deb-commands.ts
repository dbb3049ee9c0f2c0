/** `stratos pkg deb`: Debian packages as files. */
import { mkdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { PassThrough, Readable, type Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGzip, createZstdCompress } from "node:zlib";
import { byteStringToUtf8, concatBytes, printable } from "@stratos/base";
import { FolderWriter, readDebFolder } from "@stratos/tools-node/packages";
import { readWhole, replaceFile, writeWhole } from "@stratos/host-node/files";
import { makeFolders } from "@stratos/host-node/home";
import {
  buildDeb,
  debProblems,
  listDebMembers,
  MemoryRoot,
  openDeb,
  signDeb,
  unpackPackage,
  RootTree,
  verifyDebSignature,
  type DebArchive,
  type DebSource,
  type RootMeta,
} from "@stratos/pkg";
import { OperationError } from "@stratos/operation";
import { readKey } from "@stratos/systems/packages";
import { CommandError, hostReason } from "../command-error.ts";
import { sourceDateEpoch } from "../option-values.ts";
import { withPackagePorts } from "../operation-progress.ts";

export interface DebBuildOptions {
  readonly compression: "zstd" | "gzip" | "none";
  readonly json?: true;
}
export interface DebJsonOptions {
  readonly json?: true;
}

const COMPRESSORS = {
  // With the size told beforehand the bytes are those that packing the whole at once gives.
  zstd: {
    suffix: ".zst",
    compress: (pieces: Iterable<Uint8Array>, pledgedSrcSize: number) =>
      packed(
        pieces,
        createZstdCompress({
          pledgedSrcSize,
          params: { [constants.ZSTD_c_compressionLevel]: 19, [constants.ZSTD_c_checksumFlag]: 1 },
        }),
      ),
  },
  gzip: { suffix: ".gz", compress: (pieces: Iterable<Uint8Array>) => packed(pieces, createGzip({ level: 9 })) },
  none: { suffix: "", compress: (pieces: Iterable<Uint8Array>) => packed(pieces, new PassThrough()) },
} as const;

async function packed(pieces: Iterable<Uint8Array>, packer: Duplex): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  // Who gives the pieces uses one buffer for all, and a stream takes them when it comes to it.
  const source = function* (): Iterable<Uint8Array> {
    for (const piece of pieces) yield piece.slice();
  };
  await pipeline(Readable.from(source()), packer, async (stream: AsyncIterable<Uint8Array>) => {
    for await (const part of stream) parts.push(part);
  });
  return concatBytes(parts);
}

export function buildDebCommand(folder: string, output: string | undefined, options: DebBuildOptions): Promise<number> {
  return withPackagePorts(folder, async (ports) => {
    const source = readDebFolder(folder);
    const built = await buildDeb(source, timeOf(source), { hasher: ports.hasher, ...COMPRESSORS[options.compression] });
    const isFolder = output !== undefined && statSync(output, { throwIfNoEntry: false })?.isDirectory() === true;
    const path = output === undefined || isFolder ? join(output ?? dirname(resolve(folder)), built.fileName) : output;
    replaceFile(path, built.bytes);
    if (options.json === true)
      process.stdout.write(`${JSON.stringify({ path, sizeBytes: built.bytes.length, ...fieldsOf(built) }, null, 2)}\n`);
    else process.stdout.write(`${path}\n`);
    return 0;
  });
}

/** SOURCE_DATE_EPOCH, else when the youngest file was changed: nothing that depends on when this runs. */
function timeOf(source: DebSource): number {
  const given = sourceDateEpoch();
  if (given !== undefined) return given;
  return Math.max(
    0,
    ...source.tree.map(({ entry }) => Math.floor(entry.mtime)),
    ...source.controlFiles.map((file) => file.mtime),
  );
}

export function debInfoCommand(file: string, options: DebJsonOptions): Promise<number> {
  return withDeb(
    file,
    (archive) => {
      if (options.json === true)
        process.stdout.write(
          JSON.stringify(
            { ...fieldsOf(archive), controlFiles: archive.controlFiles.map(({ name }) => name) },
            null,
            2,
          ) + "\n",
        );
      else
        process.stdout.write(
          printable(
            `${byteStringToUtf8(archive.control.toString())}${archive.controlFiles
              .filter(({ name }) => name !== "control")
              .map(({ name, content }) => `[${name}: ${content.length} bytes]\n`)
              .join("")}`,
          ),
        );
      return 0;
    },
    "control",
  );
}

function fieldsOf(of: Pick<DebArchive, "control">): Record<string, string> {
  return Object.fromEntries([...of.control].map(([name, value]) => [name, byteStringToUtf8(value)]));
}

export function debContentsCommand(file: string, options: DebJsonOptions): Promise<number> {
  return withDeb(file, async (archive) => {
    const rows = await listDebMembers(archive, file);
    if (options.json === true) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    else
      for (const row of rows)
        process.stdout.write(
          printable(
            `${row.mode} ${row.owner} ${String(row.sizeBytes).padStart(10)} ` +
              `${new Date(row.mtime * 1000).toISOString().slice(0, 16).replace("T", " ")} ${row.path}` +
              `${row.target === undefined ? "" : ` ${row.type === "hard link" ? "link to" : "->"} ${row.target}`}\n`,
          ),
        );
    return 0;
  });
}

/** Extracts the tree; with `control`, the control part into DEBIAN/ too, so that `build` makes the package again. */
export function debExtractCommand(file: string, folder: string, options: { readonly control?: true }): Promise<number> {
  return withPackagePorts(file, async (ports) => {
    const archive = await openDeb(read(file), file, ports);
    makeFolders(folder);
    // Placed without their content first: a package that cannot be placed whole, or leads outside, leaves nothing.
    await unpackPackage(new RootTree(new PlacesOnly(), 0), archive, new Map(), ports);
    const writer = new FolderWriter(folder);
    await unpackPackage(new RootTree(writer, 0), archive, new Map(), ports);
    writer.finish();
    if (options.control === true) {
      mkdirSync(join(folder, "DEBIAN"));
      for (const { name, mode, content } of archive.controlFiles)
        writeWhole(join(folder, "DEBIAN", name), content, { mode });
    }
    return 0;
  });
}

/** Status 1 when something is wrong; each problem is a line. */
export function debVerifyCommand(
  files: readonly string[],
  options: DebJsonOptions & { readonly keyring: readonly string[] },
): Promise<number> {
  return withPackagePorts(files[0]!, async (ports) => {
    const keyrings = options.keyring.map(read);
    const results: { file: string; problems: string[]; signers?: string[] }[] = [];
    for (const file of files) {
      try {
        const bytes = read(file);
        const problems = (await debProblems(await openDeb(bytes, file, ports), ports)).map(byteStringToUtf8);
        results.push({
          file,
          problems,
          ...(keyrings.length === 0 ? {} : { signers: await verifyDebSignature(bytes, keyrings, ports.nowSeconds()) }),
        });
      } catch (error) {
        if (
          !(
            error instanceof OperationError ||
            (error instanceof Error && ["DebError", "ControlError"].includes(error.name))
          )
        )
          throw error;
        results.push({
          file,
          problems: [error.message.startsWith(`${file}: `) ? error.message.slice(file.length + 2) : error.message],
        });
      }
    }
    const isGood = results.every(({ problems }) => problems.length === 0);
    if (options.json === true) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
    else
      for (const { file, problems, signers } of results)
        process.stdout.write(
          printable(
            problems.length === 0
              ? `${file}: good${signers === undefined ? "" : `, signed by ${signers.join(", ").toUpperCase()}`}\n`
              : problems.map((problem) => `${file}: ${problem}\n`).join(""),
          ),
        );
    return isGood ? 0 : 1;
  });
}

export function debSignCommand(
  file: string,
  options: { readonly key: string; readonly output?: string },
): Promise<number> {
  return withPackagePorts(file, async (ports) => {
    const signed = await signDeb(read(file), readKey(options.key), Math.floor(ports.nowSeconds()));
    replaceFile(options.output ?? file, signed);
    return 0;
  });
}

function withDeb(
  file: string,
  work: (archive: DebArchive) => number | Promise<number>,
  part: "all" | "control" = "all",
): Promise<number> {
  return withPackagePorts(file, async (ports) => work(await openDeb(read(file), file, ports, part)));
}

function read(file: string): Uint8Array {
  try {
    return readWhole(file);
  } catch (error) {
    throw new CommandError(file, hostReason(error), { cause: error });
  }
}

/** Where things would be placed; what files hold is not kept. */
class PlacesOnly extends MemoryRoot {
  override file(path: string, meta: RootMeta): void {
    super.file(path, meta, new Uint8Array(0));
  }
}
