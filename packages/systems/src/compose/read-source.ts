/**
 * Reads a treefile and the files that it names. Whoever wrote it may have named what never ends: a device, a pipe that
 * nobody writes to.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { FileTree } from "@stratos/formats";
import { OperationError } from "@stratos/operation";
import { hostReason } from "@stratos/host-node/home";

interface SourceLimits {
  /** what is larger is refused (default: what Node reads at once, 2 GiB) */
  readonly sizeBytesMax?: number;
  /** what a shell's `<(…)` gives is meant by who calls; what a file names must be a file */
  readonly mayBePipe?: boolean;
}

const SIZE_BYTES_MAX = 2 ** 31 - 1;

/** @returns undefined when there is no such file */
export async function readSource(
  path: string,
  { sizeBytesMax = SIZE_BYTES_MAX, mayBePipe = false }: SourceLimits = {},
): Promise<Uint8Array | undefined> {
  try {
    const stats = await stat(path);
    if (stats.isDirectory()) throw new OperationError("build", path, "is a folder");
    if (!stats.isFile() && !(stats.isFIFO() && mayBePipe))
      throw new OperationError("build", path, "is no regular file");
    const pieces: Buffer[] = [];
    let sizeBytes = 0;
    for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) {
      sizeBytes += piece.length;
      if (sizeBytes > sizeBytesMax) throw new OperationError("build", path, `is larger than ${sizeBytesMax} bytes`);
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  } catch (error) {
    if (error instanceof OperationError) throw error;
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code!)) return undefined;
    throw new OperationError("build", path, hostReason(error), { cause: error });
  }
}

/** A folder that a treefile names. @returns undefined when there is none */
export async function readFolder(path: string): Promise<FileTree | undefined> {
  try {
    if (!(await stat(path)).isDirectory()) throw new OperationError("build", path, "is no folder");
    const [{ folderTree }, { nodeCodecs }] = await Promise.all([
      import("@stratos/tools-node/outputs"),
      import("@stratos/host-node/codecs"),
    ]);
    return folderTree(path, nodeCodecs());
  } catch (error) {
    if (error instanceof OperationError) throw error;
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code!)) return undefined;
    throw new OperationError("build", path, hostReason(error), { cause: error });
  }
}
