/** `stratos ostree delta`: what makes one commit of another. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { deltaPath, listDeltas, OstreeRepository, parseDeltaName } from "@stratos/formats";
import { applyDelta, readDelta, RepositoryFolder, writeDelta } from "@stratos/tools-node/outputs";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { CommandError, hostReason, UsageError } from "../command-error.ts";
import { writeFile } from "@stratos/images/outputs";
import { formatSize } from "../option-values.ts";
import { formatTable } from "../text-table.ts";
import { tellingFormat, withRepository } from "./ostree-commands.ts";

export interface DeltaGenerateOptions {
  readonly from?: string;
  readonly empty?: true;
  readonly output?: string;
  readonly time?: number;
  readonly sign?: string;
  readonly signEd25519?: string;
  readonly json?: true;
}

export function generateDelta(path: string, name: string, options: DeltaGenerateOptions): Promise<number> {
  if (options.from !== undefined && options.empty === true)
    throw new UsageError("--empty", "and --from do not go together");
  if (options.output !== undefined && (options.sign ?? options.signEd25519) !== undefined)
    throw new UsageError("--output", "a file by itself is in no summary that could be signed");
  return withRepository(path, async ({ reader }) => {
    const store = new RepositoryFolder(path),
      to = reader.commit(name),
      older = options.empty === true ? null : (options.from ?? to.parent);
    if (older === null && options.empty !== true)
      throw new CommandError(name, "has no parent; --from names another commit, --empty makes a delta from nothing");
    const from = older === null ? null : reader.commit(older);
    if (from?.checksum === to.checksum) throw new CommandError(name, "the two commits are one");
    const { superblock, parts, patchedFiles } = writeDelta(
      store,
      reader,
      { from, to },
      { time: options.time ?? to.timestamp, ...(options.output === undefined ? {} : { file: options.output }) },
      (file, bytes) => void writeFile(file, [bytes]),
    );
    if (options.output === undefined) {
      new OstreeRepository(store, nodeCodecs(), reader.mode).writeSummary(to.timestamp);
      if ((options.sign ?? options.signEd25519) !== undefined) {
        const { signRepository } = await import("@stratos/systems/packages");
        await signRepository(
          path,
          reader.mode,
          to.checksum,
          {
            ...(options.sign === undefined ? {} : { gpg: options.sign }),
            ...(options.signEd25519 === undefined ? {} : { ed25519: options.signEd25519 }),
          },
          to.timestamp,
        );
      }
    }
    const row = {
      from: from?.checksum ?? null,
      to: to.checksum,
      parts: parts.length,
      objects: parts.reduce((sum, { objects }) => sum + objects, 0),
      patchedFiles,
      sizeBytes:
        options.output === undefined
          ? superblock.length + parts.reduce((sum, { bytes }) => sum + bytes.length, 0)
          : superblock.length,
      unpackedBytes: parts.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0),
      path: options.output ?? join(path, deltaPath(from?.checksum ?? null, to.checksum, "superblock")),
    };
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify(row, null, 2)}\n`
        : `${row.path}\n${row.objects} objects of ${formatSize(row.unpackedBytes)} in ${formatSize(row.sizeBytes)}\n`,
    );
    return 0;
  });
}

export function listDeltasOf(path: string, options: { readonly json?: true }): Promise<number> {
  return withRepository(path, ({ store }) => {
    const rows = listDeltas(store).map(({ from, to }) => {
      const { delta } = readDelta(join(path, deltaPath(from, to, "superblock")));
      return {
        from,
        to,
        parts: delta.parts.length,
        sizeBytes: delta.parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      };
    });
    if (options.json === true) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    else
      process.stdout.write(
        formatTable(
          ["FROM", "TO", "PARTS", "SIZE"],
          rows.map(({ from, to, parts, sizeBytes }) => [
            from?.slice(0, 16) ?? "",
            to.slice(0, 16),
            String(parts),
            formatSize(sizeBytes),
          ]),
        ),
      );
    return 0;
  });
}

export function showDelta(path: string, name: string | undefined, options: { readonly json?: true }): Promise<number> {
  return tellingFormat(path, () => {
    if (!existsSync(path)) throw new CommandError(path, "no such file");
    if (statSync(path).isDirectory() !== (name !== undefined))
      throw new UsageError(
        path,
        name === undefined
          ? "is a folder; name a delta of it, FROM-TO or TO"
          : "is no repository, and a name makes no sense behind it",
      );
    let file = path;
    if (name !== undefined) {
      const { from, to } = parseDeltaName(name);
      file = join(path, deltaPath(from, to, "superblock"));
      if (!existsSync(file)) throw new CommandError(name, `no such delta in ${path}`);
    }
    const { delta } = readDelta(file),
      count = (kind: string): number =>
        delta.parts.reduce((sum, { objects }) => sum + objects.filter((one) => one.kind === kind).length, 0);
    const shown = {
      from: delta.from,
      to: delta.to,
      time: new Date(delta.time * 1000).toISOString(),
      isSigned: delta.isSigned,
      hasCommitSignatures: delta.signatures !== null,
      parts: delta.parts.map(({ checksum, sizeBytes, unpackedBytes, objects, inline }) => ({
        checksum,
        sizeBytes,
        unpackedBytes,
        objects: objects.length,
        isInline: inline !== null,
      })),
      files: count("file"),
      dirtrees: count("dirtree"),
      dirmetas: count("dirmeta"),
      fallbacks: delta.fallbacks,
    };
    if (options.json === true) process.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
    else {
      process.stdout.write(
        `From:      ${delta.from ?? "nothing"}\nTo:        ${delta.to}\nTime:      ${shown.time}\nObjects:   \
${shown.files} files, ${shown.dirtrees} dirtrees, ${shown.dirmetas} dirmetas\nElsewhere: ${delta.fallbacks.length} \
files\n${formatTable(
          ["PART", "SIZE", "UNPACKED", "OBJECTS"],
          shown.parts.map(({ sizeBytes, unpackedBytes, objects }, index) => [
            String(index),
            formatSize(sizeBytes),
            formatSize(unpackedBytes),
            String(objects),
          ]),
        )}`,
      );
    }
    return 0;
  });
}

export function applyDeltaTo(
  path: string,
  file: string,
  options: { readonly ref?: string; readonly json?: true },
): Promise<number> {
  return withRepository(path, async ({ reader }) => {
    const repository = new OstreeRepository(new RepositoryFolder(path), nodeCodecs(), reader.mode);
    let to: string;
    try {
      ({ to } = await tellingFormat(file, () => applyDelta(file, reader, repository)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      throw new CommandError(file, hostReason(error), { cause: error });
    }
    if (options.ref !== undefined) repository.setRef(options.ref, to);
    process.stdout.write(
      options.json === true ? `${JSON.stringify({ commit: to, ref: options.ref ?? null }, null, 2)}\n` : `${to}\n`,
    );
    return 0;
  });
}
