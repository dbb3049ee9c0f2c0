/** Static deltas: what makes one commit of another, in a few files. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { deltaPath, FormatError, listDeltas, OstreeRepository, parseDeltaName } from "@stratos/formats";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { hostReason } from "@stratos/host-node/home";
import { writeFile } from "@stratos/images/outputs";
import { OperationError } from "@stratos/operation";
import { applyDelta, readDelta, RepositoryFolder, writeDelta } from "@stratos/tools-node/outputs";
import { signRepository } from "../packages/sign-repository.ts";
import { openRepository, tellingFormat } from "./ostree-repository.ts";

interface NewDelta {
  /** The older commit; null: none, the delta makes all of the newer one; not given: the newer one's parent. */
  readonly from?: string | null | undefined;
  /** One file with everything, in place of files in the repository. */
  readonly output?: string | undefined;
  /** Seconds since 1970 of what is made; not given: the newer commit's. */
  readonly time?: number | undefined;
  /** Keys by which the summary is signed anew. */
  readonly sign: { readonly gpg?: string; readonly ed25519?: string };
}

interface GeneratedDelta {
  readonly from: string | null;
  readonly to: string;
  readonly parts: number;
  readonly objects: number;
  readonly patchedFiles: number;
  readonly sizeBytes: number;
  readonly unpackedBytes: number;
  readonly path: string;
}

/**
 * Makes the delta and announces it in the summary.
 * @param name  reference or checksum of the newer commit
 * @throws OperationError
 */
export async function generateOstreeDelta(path: string, name: string, wanted: NewDelta): Promise<GeneratedDelta> {
  const { reader } = openRepository(path);
  const { output, sign } = wanted;
  const store = new RepositoryFolder(path);
  const { to, from, delta } = tellingFormat(path, () => {
    const to = reader.commit(name);
    const older = wanted.from === undefined ? to.parent : wanted.from;
    if (older === null && wanted.from === undefined)
      throw new OperationError(
        "packages",
        name,
        "has no parent; --from names another commit, --empty makes a delta from nothing",
      );
    const from = older === null ? null : reader.commit(older);
    if (from?.checksum === to.checksum) throw new OperationError("packages", name, "the two commits are one");
    const delta = writeDelta(
      store,
      reader,
      { from, to },
      { time: wanted.time ?? to.timestamp, ...(output === undefined ? {} : { file: output }) },
      (file, bytes) => void writeFile(file, [bytes]),
    );
    if (output === undefined) new OstreeRepository(store, nodeCodecs(), reader.mode).writeSummary(to.timestamp);
    return { to, from, delta };
  });
  if (output === undefined && (sign.gpg ?? sign.ed25519) !== undefined)
    await signRepository(path, reader.mode, to.checksum, sign, to.timestamp);
  const { superblock, parts, patchedFiles } = delta;
  const partBytes = output === undefined ? parts.reduce((sum, { bytes }) => sum + bytes.length, 0) : 0;
  return {
    from: from?.checksum ?? null,
    to: to.checksum,
    parts: parts.length,
    objects: parts.reduce((sum, { objects }) => sum + objects, 0),
    patchedFiles,
    sizeBytes: superblock.length + partBytes,
    unpackedBytes: parts.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0),
    path: output ?? join(path, deltaPath(from?.checksum ?? null, to.checksum, "superblock")),
  };
}

interface ListedDelta {
  readonly from: string | null;
  readonly to: string;
  readonly parts: number;
  readonly sizeBytes: number;
}

/** @throws OperationError */
export function listOstreeDeltas(path: string): ListedDelta[] {
  const { store } = openRepository(path);
  return tellingFormat(path, () =>
    listDeltas(store).map(({ from, to }) => {
      const { delta } = readDelta(join(path, deltaPath(from, to, "superblock")));
      return {
        from,
        to,
        parts: delta.parts.length,
        sizeBytes: delta.parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      };
    }),
  );
}

interface DescribedDelta {
  readonly from: string | null;
  readonly to: string;
  readonly time: string;
  readonly isSigned: boolean;
  readonly hasCommitSignatures: boolean;
  readonly parts: readonly {
    readonly checksum: string;
    readonly sizeBytes: number;
    readonly unpackedBytes: number;
    readonly objects: number;
    readonly isInline: boolean;
  }[];
  readonly files: number;
  readonly dirtrees: number;
  readonly dirmetas: number;
  readonly fallbacks: ReturnType<typeof readDelta>["delta"]["fallbacks"];
}

/**
 * @param path  a delta's file or superblock; with `name`, a repository
 * @param name  FROM-TO, or TO
 * @throws OperationError
 */
export function describeOstreeDelta(path: string, name: string | undefined): DescribedDelta {
  if (!existsSync(path)) throw new OperationError("packages", path, "no such file");
  if (statSync(path).isDirectory() !== (name !== undefined))
    throw new OperationError(
      "option",
      path,
      name === undefined
        ? "is a folder; name a delta of it, FROM-TO or TO"
        : "is no repository, and a name makes no sense behind it",
    );
  return tellingFormat(path, () => {
    let file = path;
    if (name !== undefined) {
      const { from, to } = parseDeltaName(name);
      file = join(path, deltaPath(from, to, "superblock"));
      if (!existsSync(file)) throw new OperationError("packages", name, `no such delta in ${path}`);
    }
    const { delta } = readDelta(file);
    const count = (kind: string): number =>
      delta.parts.reduce((sum, { objects }) => sum + objects.filter((one) => one.kind === kind).length, 0);
    return {
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
  });
}

/**
 * Puts the commit that a delta makes into a repository. Every object is proved; the commit comes last.
 * @param ref  is to name the commit
 * @returns the commit's checksum
 * @throws OperationError
 */
export async function applyOstreeDelta(path: string, file: string, ref: string | undefined): Promise<string> {
  const { reader } = openRepository(path);
  const repository = new OstreeRepository(new RepositoryFolder(path), nodeCodecs(), reader.mode);
  let to: string;
  try {
    ({ to } = await applyDelta(file, reader, repository));
  } catch (error) {
    if (error instanceof FormatError) throw new OperationError("packages", file, error.message, { cause: error });
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new OperationError("packages", file, hostReason(error), { cause: error });
  }
  if (ref !== undefined) repository.setRef(ref, to);
  return to;
}
