/** OSTree commits, into a repository of the compose's folder or a given one. */
import { resolve } from "node:path";
import { OutputError, substitute, type ImageTarget, type OstreeConfig, type OutputWriter } from "@stratos/compose";
import {
  OstreeRepository,
  type Codecs,
  type CommitOptions,
  type FileTree,
  type OstreeMode,
  type OstreeSignature,
} from "@stratos/formats";
import { bootcLayout, deployedTree, signedDeployment, type BootcLayout } from "@stratos/outputs";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { RepositoryFolder } from "../../outputs/repository-folder.ts";

const MEDIA_TYPE = "application/vnd.ostree.commit";

interface SigningKeyNames {
  readonly gpg?: string;
  readonly ed25519?: string;
}

/** Signs a commit of a repository, and its summary. @param time  of the commit, in seconds since 1970 */
export type RepositorySigner = (
  path: string,
  mode: OstreeMode,
  checksum: string,
  keys: SigningKeyNames,
  time: number,
) => Promise<void>;
/** Signatures of a commit's bytes, the same for the same keys and time. */
type CommitSigner = (commit: Uint8Array, keys: SigningKeyNames, time: number) => Promise<readonly OstreeSignature[]>;

/** @param sign  from a caller that has keys */
export function ostreeOutput(folder: string, sign?: RepositorySigner): OutputWriter {
  return {
    format: "ostree",
    isShared: true,
    filename: () => "repo",
    async write({ target, tree, epochSeconds, onNote }, path) {
      const { ostree = {} } = target.config;
      const codecs = nodeCodecs();
      const place = ostree.repository ?? path;
      const repository = new OstreeRepository(
        new RepositoryFolder(resolve(folder, place)),
        codecs,
        ostree.mode ?? "archive",
      );
      const { layout, commit } = commitOf(target, tree, epochSeconds, codecs);
      for (const note of layout.notes) onNote(note);
      const { checksum } = repository.commit(layout.tree, commit);
      repository.writeSummary(epochSeconds);
      if ((ostree.sign ?? ostree["sign-ed25519"]) !== undefined) {
        if (sign === undefined) throw new OutputError("ostree.sign: there are no keys here");
        await sign(resolve(folder, place), repository.mode, checksum, keysOf(ostree), epochSeconds);
      }
      return [
        {
          path: `${place}:${commit.ref}`,
          sizeBytes: sizeOf(layout.tree),
          sha256: checksum,
          mediaType: MEDIA_TYPE,
          isFile: false,
        },
      ];
    },
    // Objects that are there are not written again; the reference must be set all the same.
    has: async () => false,
  };
}

/**
 * The root of a disk on which an image's commit is deployed: the same commit as the image's output of OSTree.
 * @throws OutputError when the image is not laid out for it
 */
export async function deployedImage(
  target: ImageTarget,
  tree: FileTree,
  epochSeconds: number,
  sign: CommitSigner,
): Promise<FileTree> {
  const { ostree = {} } = target.config,
    codecs = nodeCodecs();
  if (ostree.bootc === false)
    throw new OutputError("deploy: takes an image that is laid out for it, which ostree.bootc: false forbids");
  const { layout, commit } = commitOf(target, tree, epochSeconds, codecs);
  const deployed = deployedTree(
    layout,
    { commit, os: ostree.os ?? "debian", remote: ostree.remote ?? "origin" },
    codecs,
  );
  return signedDeployment(deployed, await sign(deployed.commit, keysOf(ostree), epochSeconds), codecs).tree;
}

function keysOf(ostree: OstreeConfig): SigningKeyNames {
  return {
    ...(ostree.sign === undefined ? {} : { gpg: ostree.sign }),
    ...(ostree["sign-ed25519"] === undefined ? {} : { ed25519: ostree["sign-ed25519"] }),
  };
}

function commitOf(
  target: ImageTarget,
  tree: FileTree,
  epochSeconds: number,
  codecs: Codecs,
): { layout: BootcLayout; commit: CommitOptions } {
  const { ostree = {}, name, version } = target.config;
  const isLaidOut = ostree.bootc ?? hasKernel(tree);
  const layout = isLaidOut
    ? bootcLayout(tree, codecs, epochSeconds)
    : { tree: withoutDevices(tree), kernel: null, notes: [CHECKED_OUT_ONLY] };
  if (isLaidOut && layout.kernel === null)
    throw new OutputError("ostree.bootc: the image has no kernel in /boot or /usr/lib/modules");
  return {
    layout,
    commit: {
      ref: substitute(ostree.ref ?? "${name}/${architecture}/${variant}", target),
      // An image is its own: which commit was there before must not decide which this one is. `ostree.parent` says
      // otherwise.
      parent: ostree.parent ?? null,
      subject: substitute(ostree.subject ?? "${name} ${version}, ${variant}", target),
      timestamp: epochSeconds,
      metadata: { ...(version === undefined ? {} : { version }), "stratos.name": name, ...ostree.metadata },
      ...(layout.kernel === null ? {} : { linux: layout.kernel }),
    },
  };
}

/** Told of a commit that no ostree deploys. */
const CHECKED_OUT_ONLY =
  "the commit has no kernel laid out for OSTree: it can be checked out, and `ostree admin deploy` and bootc refuse it";

/**
 * Whether a machine could start what the tree holds: then it is laid out for that, unless `ostree.bootc: false` says
 * otherwise.
 */
function hasKernel(tree: FileTree): boolean {
  for (const { path } of tree.entries())
    if (/^(boot\/vmlinu[xz]-|usr\/lib\/modules\/[^/]+\/vmlinuz$)/.test(path)) return true;
  return false;
}

/** Bytes of all files: what a checkout takes. */
function sizeOf(tree: FileTree): number {
  let bytes = 0;
  for (const { content } of tree.entries()) bytes += content?.sizeBytes ?? 0;
  return bytes;
}

/** A commit holds files, folders and links alone. */
function withoutDevices(tree: FileTree): FileTree {
  return {
    *entries() {
      for (const entry of tree.entries())
        if (entry.kind !== "character" && entry.kind !== "block" && entry.kind !== "fifo") yield entry;
    },
  };
}
