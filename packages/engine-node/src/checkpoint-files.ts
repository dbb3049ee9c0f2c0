/** Checkpoints as files of this host: readable by their owner alone, and there only when they are whole. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { randomBytes } from "node:crypto";
import { zstdCodec } from "@stratos/host-node";
import { hostReason } from "@stratos/host-node/home";
import { failedAt, isChannel, readWhole, writeFully } from "@stratos/host-node/files";
import type { CheckpointFiles } from "@stratos/sdk";
import { StratosError } from "@stratos/sdk/api";

export const checkpointFiles: CheckpointFiles = {
  codec: zstdCodec,

  read(path: string): Uint8Array {
    try {
      return readWhole(path);
    } catch (error) {
      throw failure(path, error);
    }
  },

  async write(path: string, pieces: Iterable<Uint8Array>): Promise<number> {
    const isDrafted = !isChannel(path);
    const draft = isDrafted ? `${path}.${process.pid}-${randomBytes(4).toString("hex")}` : path;
    try {
      const fd = openSync(draft, isDrafted ? "wx" : "w", 0o600);
      let size = 0;
      try {
        for (const piece of pieces) {
          writeFully(fd, piece);
          size += piece.length;
          await new Promise(setImmediate);
        }
        if (isDrafted) fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      if (isDrafted) {
        renameSync(draft, path);
        syncFolder(dirname(path));
      }
      return size;
    } catch (error) {
      if (isDrafted) rmSync(draft, { force: true });
      throw failure(path, failedAt(path, error));
    }
  },
};

function syncFolder(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function failure(path: string, error: unknown): unknown {
  if ((error as NodeJS.ErrnoException).syscall === undefined) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return new StratosError("file", `${path}: ${hostReason(error)}`, { path, code }, { cause: error });
}
