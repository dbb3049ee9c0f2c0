/**
 * `stratos fs ls|cat|mkdir|rm|mv|ln`: files of a volume. Those of a mounted one are read, and changed by the programs
 * of the host.
 */
import { RENAME_EXCHANGE, RENAME_NOREPLACE } from "@stratos/abi";
import { printable } from "@stratos/base";
import {
  listedFile,
  longListing,
  markedName,
  type ListedFile,
  baseName,
  joinPath,
  toByteString,
  toText,
  type FileTree,
  expandPattern,
  HostTree,
  filteredFilesOf,
  withVolume,
  type OpenedVolume,
  type VolumeAccess,
  removeTree,
  parseVolumePlace,
  requireUnmountedPlace,
  requireVolumePlace,
  type VolumePlace,
  VolumeTree,
} from "@stratos/volumes";
import { CommandError, UsageError } from "../command-error.ts";
import { jsonWithSizes } from "@stratos/images/content";

export interface ListFilesOptions {
  readonly long?: true;
  readonly classify?: true;
  readonly all?: true;
  readonly recursive?: true;
  readonly json?: true;
}
export interface MakeDirectoryOptions {
  readonly parents?: true;
  readonly mode?: number;
}
export interface RemoveFilesOptions {
  readonly recursive?: true;
  readonly force?: true;
  readonly dryRun?: true;
  readonly json?: true;
}
export interface MoveFileOptions {
  readonly noReplace?: true;
  readonly exchange?: true;
}
export interface LinkFileOptions {
  readonly symbolic?: true;
}

export async function listFiles(text: string, options: ListFilesOptions): Promise<number> {
  const isForPeople = process.stdout.isTTY === true;
  await withReadTree(parseVolumePlace(text), (tree, start) => {
    const showsAll = options.all === true || options.json === true;
    const shown: { folder: string | null; files: ListedFile[] }[] = [];
    const single: ListedFile[] = [];
    const listed = (name: string, path: string): ListedFile => {
      const facts = tree.facts(path)!;
      return listedFile(name, facts, facts.kind === "symlink" ? tree.linkTarget(path) : null);
    };
    const visit = (folder: string): void => {
      const names = tree.names(folder).filter((name) => showsAll || !name.startsWith("."));
      shown.push({ folder, files: names.map((name) => listed(name, joinPath(folder, name))) });
      if (options.recursive !== true) return;
      for (const name of names)
        if (tree.facts(joinPath(folder, name))!.kind === "directory") visit(joinPath(folder, name));
    };
    for (const path of expandPattern(tree, start)) {
      const facts = tree.facts(path, true) ?? tree.facts(path);
      if (facts === null) throw new CommandError(tree.shown(path), "no such file or directory");
      if (facts.kind === "directory") visit(path);
      else single.push(listed(path, path));
    }
    if (options.json === true) {
      const all = [
        ...single.map((file) => ({ path: file.name, ...file })),
        ...shown.flatMap(({ folder, files }) =>
          files.map((file) => ({ path: joinPath(toText(folder!), file.name), ...file })),
        ),
      ];
      process.stdout.write(`${jsonWithSizes(all)}\n`);
      return;
    }
    const isMarked = options.classify === true || isForPeople;
    const print = (files: readonly ListedFile[]): string =>
      options.long === true
        ? longListing(files)
        : files
            .map(
              (file) =>
                `${isForPeople ? markedName(file).replaceAll("\n", "\\n") : isMarked ? markedName(file) : file.name}\n`,
            )
            .join("");
    const blocks = shown.map(({ folder, files }) => (shown.length > 1 ? `${toText(folder!)}:\n` : "") + print(files));
    const all = [...(single.length > 0 ? [print(single)] : []), ...blocks].join("\n");
    process.stdout.write(isForPeople ? printable(all) : all);
  });
  return 0;
}

const PIECE_BYTES = 1 << 20;

export async function showFiles(texts: readonly string[]): Promise<number> {
  const buffer = new Uint8Array(PIECE_BYTES);
  for (const text of texts) {
    await withReadTree(requireVolumePlace(text), async (tree, start) => {
      for (const path of expandPattern(tree, start)) {
        const file = tree.openFile(path);
        for (let offset = 0, count = 0; (count = file.read(offset, buffer, buffer.length)) > 0; offset += count) {
          // The buffer is used again: wait until it is on its way.
          await new Promise<void>((resolve, reject) =>
            process.stdout.write(buffer.subarray(0, count), (error) => (error ? reject(error) : resolve())),
          );
        }
      }
    });
  }
  return 0;
}

export async function makeDirectories(texts: readonly string[], options: MakeDirectoryOptions): Promise<number> {
  for (const text of texts) {
    const place = requireUnmountedPlace(text);
    await withTree(place, "write", (tree) => {
      const path = toByteString(place.path);
      if (options.parents === true) {
        const names = path.split("/").filter((name) => name !== "");
        for (let count = 1; count < names.length; count++) {
          const parent = `/${names.slice(0, count).join("/")}`;
          if (tree.facts(parent, true) === null) tree.makeDirectory(parent);
        }
        if (tree.facts(path, true)?.kind === "directory") return;
      }
      tree.makeDirectory(path, options.mode);
    });
  }
  return 0;
}

export async function removeFiles(texts: readonly string[], options: RemoveFilesOptions): Promise<number> {
  const gone: string[] = [];
  for (const text of texts) {
    const place = requireUnmountedPlace(text);
    await withTree(place, options.dryRun === true ? "read" : "write", (tree) => {
      const path = toByteString(place.path);
      if (options.force === true && !/[*?[]/.test(path) && tree.facts(path) === null) return;
      for (const match of expandPattern(tree, path)) {
        removeTree(tree, match, {
          isRecursive: options.recursive === true,
          isDryRun: options.dryRun === true,
          onPath: (one) => void gone.push(toText(one)),
        });
      }
    });
  }
  if (options.json === true)
    process.stdout.write(`${JSON.stringify({ dryRun: options.dryRun === true, removed: gone }, null, 2)}\n`);
  else if (options.dryRun === true) process.stdout.write(gone.map((path) => `would remove ${path}\n`).join(""));
  return 0;
}

export async function moveFile(from: string, to: string, options: MoveFileOptions): Promise<number> {
  const source = requireUnmountedPlace(from);
  const target = sameVolume(source, requireUnmountedPlace(to), to);
  await withTree(source, "write", (tree) => {
    const sourcePath = toByteString(source.path);
    let targetPath = toByteString(target.path);
    if (options.exchange !== true && tree.facts(targetPath, true)?.kind === "directory")
      targetPath = joinPath(targetPath, baseName(sourcePath));
    tree.move(
      sourcePath,
      targetPath,
      options.exchange === true ? RENAME_EXCHANGE : options.noReplace === true ? RENAME_NOREPLACE : 0,
    );
  });
  return 0;
}

export async function linkFile(target: string, link: string, options: LinkFileOptions): Promise<number> {
  const place = requireUnmountedPlace(link);
  if (options.symbolic !== true) sameVolume(place, requireUnmountedPlace(target), target);
  await withTree(place, "write", (tree) => {
    const path = toByteString(place.path);
    if (options.symbolic === true) tree.makeLink(path, toByteString(target));
    else tree.hardLink(path, toByteString(requireUnmountedPlace(target).path));
  });
  return 0;
}

function sameVolume(one: VolumePlace, other: VolumePlace, text: string): VolumePlace {
  if (one.volume !== other.volume || one.snapshot !== other.snapshot)
    throw new UsageError(text, "both must be in one volume; `stratos fs cp` copies between volumes");
  return other;
}

/** Files to be read: of a path in a mount through the mount, which has the newest of everything. */
function withReadTree<T>(place: VolumePlace, work: (tree: FileTree, path: string) => T | Promise<T>): Promise<T> {
  if (place.mounted !== null) return Promise.resolve(work(new HostTree(), toByteString(place.mounted)));
  return withTree(place, "read", (tree) => work(tree, toByteString(place.path)));
}

function withTree<T>(
  place: VolumePlace,
  access: VolumeAccess,
  work: (tree: VolumeTree, opened: OpenedVolume) => T | Promise<T>,
): Promise<T> {
  return withVolume(place.volume, access, (opened) => {
    const name = place.snapshot === null ? place.volume : `${place.volume}@${place.snapshot}`;
    return work(new VolumeTree(filteredFilesOf(opened, place.snapshot), name), opened);
  });
}
