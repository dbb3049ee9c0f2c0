/** Where content lies, made better: equal content shared, files in few pieces, hot ones on fast devices. */
import { dedupe, type Fragmentation, migrate } from "@stratos/aegisfs";
import { OperationError, type Progress } from "@stratos/operation";
import { toText } from "./file-tree.ts";
import type { OpenedVolume } from "./open-volume.ts";
import { expectValue } from "./volume-error.ts";
import type { VolumeTree } from "./volume-tree.ts";

const BLOCK = 4096;
/** Blocks that one step of a defragmentation writes. */
const STEP_BLOCKS = 1024;

interface SharedContent {
  readonly contentBytes: number;
  readonly duplicateBytes: number;
  readonly freedBytes: number;
}

/** Lets equal content of all files and snapshots share its place. @throws OperationError */
export function shareContent({ path, volume }: OpenedVolume, dryRun: boolean, progress: Progress): SharedContent {
  const { blocks, duplicates, freed } = expectValue(
    path,
    dedupe(volume, { dryRun, progress: (done) => progress.update("Looking", done * BLOCK, 0, "bytes") }),
  );
  return { contentBytes: blocks * BLOCK, duplicateBytes: duplicates * BLOCK, freedBytes: freed * BLOCK };
}

interface DefragmentedFile {
  readonly path: string;
  readonly runsBefore: number;
  readonly runs: number;
  readonly bytes: number;
  readonly storedBytes: number;
  readonly shared: boolean;
  /** It shares content, which was to stay so. */
  readonly skipped: boolean;
}

interface Defragmentation {
  /** Also files that share content with snapshots or other files: they have it for themselves then. */
  readonly shared: boolean;
  readonly dryRun: boolean;
}

/** Writes a file anew in long runs, with the properties that it has now. @throws OperationError */
export function defragmentFile(
  opened: OpenedVolume,
  tree: VolumeTree,
  path: string,
  { shared, dryRun }: Defragmentation,
  progress: Progress,
): DefragmentedFile {
  if (tree.facts(path)?.kind !== "file")
    throw new OperationError("volume", tree.shown(path), "is no file; --recursive takes what is below a folder");
  const ino = tree.find(path);
  const before = expectValue(tree.shown(path), tree.files.fragmentation(ino));
  const skipped = before.shared && !shared;
  let after: Fragmentation = before;
  if (!skipped && !dryRun) {
    let at = 0;
    while ((at = tree.files.defragment(ino, at, STEP_BLOCKS)) >= 0) {
      progress.update("Writing", at * BLOCK, before.blocks * BLOCK, "bytes");
      opened.breathe();
    }
    if (at < -1) tree.expect(path, at);
    tree.expect(path, tree.files.volume.commit());
    after = expectValue(tree.shown(path), tree.files.fragmentation(ino));
  }
  return {
    path: toText(path),
    runsBefore: before.runs,
    runs: after.runs,
    bytes: after.blocks * BLOCK,
    storedBytes: after.stored * BLOCK,
    shared: before.shared,
    skipped,
  };
}

interface Migration {
  /** Part of the fast devices that is to be full; as the engine has it where not given. */
  readonly fill?: number | undefined;
  readonly dryRun: boolean;
}
interface MigratedFiles {
  readonly files: number;
  readonly toFastBytes: number;
  readonly toSlowBytes: number;
  /** Files that stay where they do not belong, for want of room. */
  readonly leftFiles: number;
}

/** Moves files to the tier where they belong. @throws OperationError */
export function migrateFiles(
  { path, volume }: OpenedVolume,
  { fill, dryRun }: Migration,
  progress: Progress,
): MigratedFiles {
  if (volume.heat === null)
    throw new OperationError(
      "volume",
      path,
      "the volume has no fast and slow devices; `stratos fs device add --slow` adds one",
    );
  const { files, toFast, toSlow, left } = expectValue(
    path,
    migrate(volume, {
      dryRun,
      ...(fill === undefined ? {} : { fill }),
      progress: (done) => progress.update("Moving", done * BLOCK, 0, "bytes"),
    }),
  );
  return { files, toFastBytes: toFast * BLOCK, toSlowBytes: toSlow * BLOCK, leftFiles: left };
}
