/** `stratos ostree`: repositories of commits. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { FormatError, OstreeReader, type OstreeCommit } from "@stratos/formats";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { RepositoryFolder } from "@stratos/tools-node/outputs";
import { repositoryServer } from "@stratos/tools-node/packages";
import { CommandError } from "../command-error.ts";
import { serveUntilStopped } from "../serve-until-stopped.ts";
import { formatTable } from "../text-table.ts";

export interface OstreeServeOptions {
  readonly listen: { host: string; port: number };
  readonly quiet?: true;
}

export function listRefs(path: string, options: { readonly json?: true }): Promise<number> {
  return withRepository(path, ({ reader, refs }) => {
    const rows = refs().map((ref) => {
      const { checksum, parent, subject, timestamp, metadata } = reader.commit(ref);
      return {
        ref,
        checksum,
        parent,
        subject,
        version: metadata.get("version") ?? null,
        time: new Date(timestamp * 1000).toISOString(),
      };
    });
    if (options.json === true) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    else
      process.stdout.write(
        formatTable(
          ["REFERENCE", "COMMIT", "VERSION", "TIME", "SUBJECT"],
          rows.map((row) => [
            row.ref,
            row.checksum.slice(0, 16),
            row.version ?? "",
            row.time.slice(0, 19),
            row.subject,
          ]),
        ),
      );
    return 0;
  });
}

export function checkRepository(
  path: string,
  commit: string | undefined,
  options: { readonly json?: true },
): Promise<number> {
  return withRepository(path, ({ reader, refs }) => {
    const names = commit === undefined ? refs() : [commit],
      checked: { commit: string; files: number; bytes: number }[] = [];
    const buffer = new Uint8Array(1 << 20);
    for (const own of new Map(
      names.map((name): [string, OstreeCommit] => {
        const one = reader.commit(name);
        return [one.checksum, one];
      }),
    ).values()) {
      let files = 0,
        bytes = 0;
      for (const { content } of reader.tree(own).entries()) {
        if (content === null) continue;
        files++;
        for (let at = 0; at < content.sizeBytes;) {
          const count = content.read(at, buffer);
          if (count <= 0) break;
          at += count;
          bytes += count;
        }
      }
      checked.push({ commit: own.checksum, files, bytes });
    }
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify(checked, null, 2)}\n`
        : checked.map(({ commit: name, files }) => `${name}: ${files} files, whole\n`).join(""),
    );
    return 0;
  });
}

export function serveOstree(path: string, options: OstreeServeOptions): Promise<number> {
  return withRepository(path, ({ reader }) => {
    // Others are for checkouts on the same computer: clients pull packed files.
    if (reader.mode !== "archive")
      throw new CommandError(path, `has mode ${reader.mode}; repositories of mode archive are served`);
    return serveUntilStopped(
      repositoryServer(
        path,
        options.quiet === true ? () => {} : (line) => void process.stderr.write(`${line}\n`),
        "ostree",
      ),
      options.listen,
    );
  });
}

/** @throws CommandError  also for what is damaged */
export function withRepository(
  path: string,
  work: (repository: { reader: OstreeReader; store: RepositoryFolder; refs(): string[] }) => number | Promise<number>,
): Promise<number> {
  return tellingFormat(path, () => {
    if (!existsSync(join(path, "config"))) throw new CommandError(path, "is no OSTree repository");
    const store = new RepositoryFolder(path, { readOnly: true });
    return work({ reader: new OstreeReader(store, nodeCodecs()), store, refs: () => store.list("refs/heads").sort() });
  });
}

/** What is damaged, told with its place. */
export async function tellingFormat<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof FormatError ? new CommandError(what, error.message, { cause: error }) : error;
  }
}
