import { existsSync } from "node:fs";
import { join } from "node:path";
import { FormatError, type OstreeCommit, OstreeReader } from "@stratos/formats";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { OperationError } from "@stratos/operation";
import { RepositoryFolder } from "@stratos/tools-node/outputs";

interface OpenedRepository {
  readonly reader: OstreeReader;
  /** Read-only. */
  readonly store: RepositoryFolder;
}

/** @throws OperationError  also for what is damaged */
export function openRepository(path: string): OpenedRepository {
  if (!existsSync(join(path, "config"))) throw new OperationError("packages", path, "is no OSTree repository");
  const store = new RepositoryFolder(path, { readOnly: true });
  return { reader: tellingFormat(path, () => new OstreeReader(store, nodeCodecs())), store };
}

/** What is damaged, told with its place. @throws OperationError */
export function tellingFormat<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof FormatError ? new OperationError("packages", what, error.message, { cause: error }) : error;
  }
}

function refsOf({ store }: OpenedRepository): string[] {
  return store.list("refs/heads").sort();
}

interface ListedRef {
  readonly ref: string;
  readonly checksum: string;
  readonly parent: string | null;
  readonly subject: string;
  readonly version: string | null;
  readonly time: string;
}

/** References and the commits that they name. @throws OperationError */
export function listOstreeRefs(path: string): ListedRef[] {
  const opened = openRepository(path);
  return tellingFormat(path, () =>
    refsOf(opened).map((ref) => {
      const { checksum, parent, subject, timestamp, metadata } = opened.reader.commit(ref);
      const time = new Date(timestamp * 1000).toISOString();
      return { ref, checksum, parent, subject, version: metadata.get("version") ?? null, time };
    }),
  );
}

interface CheckedCommit {
  readonly commit: string;
  readonly files: number;
  readonly bytes: number;
}

/**
 * Reads every object.
 * @param commit  not given: of all references
 * @throws OperationError for what is missing or has been changed
 */
export function checkOstreeRepository(path: string, commit: string | undefined): CheckedCommit[] {
  const opened = openRepository(path);
  const buffer = new Uint8Array(1 << 20);
  return tellingFormat(path, () => {
    const names = commit === undefined ? refsOf(opened) : [commit];
    const commits = new Map(
      names.map((name): [string, OstreeCommit] => {
        const one = opened.reader.commit(name);
        return [one.checksum, one];
      }),
    );
    return [...commits.values()].map((one) => checkedCommit(opened, one, buffer));
  });
}

function checkedCommit({ reader }: OpenedRepository, commit: OstreeCommit, buffer: Uint8Array): CheckedCommit {
  let files = 0;
  let bytes = 0;
  for (const { content } of reader.tree(commit).entries()) {
    if (content === null) continue;
    files++;
    for (let at = 0; at < content.sizeBytes;) {
      const count = content.read(at, buffer);
      if (count <= 0) break;
      at += count;
      bytes += count;
    }
  }
  return { commit: commit.checksum, files, bytes };
}

/** Other modes are for checkouts on the same computer: clients pull packed files. @throws OperationError */
export function expectServed(path: string): void {
  const { mode } = openRepository(path).reader;
  if (mode !== "archive")
    throw new OperationError("packages", path, `has mode ${mode}; repositories of mode archive are served`);
}
