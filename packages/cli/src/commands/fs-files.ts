/**
 * `stratos fs ls|cat|mkdir|rm|mv|ln`: files of a volume. Those of a mounted one are read, and changed by the programs
 * of the host.
 */
import { fstatSync, readSync, writeSync } from "node:fs";
import { Command, Option } from "commander";
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
  OpenVolumes,
  TreeCopier,
  type CopyCount,
  type FileReader,
  type FileWriter,
  findVolumePlace,
} from "@stratos/volumes";
import { jsonWithSizes } from "@stratos/images/content";
import { sleepSync } from "@stratos/host-node";
import { ProgressDisplay } from "../progress-display.ts";
import { parseMode } from "../volume-options.ts";
import { dryRunOption, jsonOption, PLACE_HELP, type Finish } from "./row-options.ts";
import { CommandError, UsageError } from "../command-error.ts";
import { BrokenPipe } from "../broken-pipe.ts";

export function fileCommands(finish: Finish): Command[] {
  const list = new Command("ls")
    .description("Lists files of a volume, mounted or not.")
    .summary("list files")
    .argument("<place>", "VOLUME or VOLUME:/PATH, or a path in a mounted volume")
    .option("-l, --long", "with type, permissions, links, owner, size and time")
    .option(
      "-F, --classify",
      "a mark behind each name: / folder, * program, @ link, | FIFO, = socket (default on a terminal)",
    )
    .option("-a, --all", "names that begin with a dot, too")
    .option("-R, --recursive", "folders in folders, too")
    .addOption(jsonOption())
    .addHelpText("after", PLACE_HELP)
    .action(async (place: string, options: ListFilesOptions) => finish(await listFiles(place, options)));
  const show = new Command("cat")
    .description("Writes files of a volume to standard output.")
    .summary("print files")
    .argument("<place...>", "VOLUME:/PATH, or a path in a mounted volume")
    .addHelpText("after", PLACE_HELP)
    .action(async (places: string[]) => finish(await showFiles(places)));
  const copy = new Command("cp")
    .description(
      "Copies files into a volume, out of it, between volumes or within one. A volume is committed once, when " +
        "all is copied. Holes and hard links stay what they are; with -p extended attributes do, too (those of the " +
        "host by getfattr and setfattr, the labels of its own security apart).",
    )
    .summary("copy files in, out or between volumes")
    .usage("[OPTIONS] SOURCE… TARGET")
    .argument("<path...>", "places or host paths, the target last; - is standard input or output")
    .option("-r, --recursive", "folders with all that is in them; links as links")
    .option("-p, --preserve", "owner, times and extended attributes, too")
    .option("-a, --archive", "the same as -rp")
    .addOption(jsonOption())
    .addHelpText("after", PLACE_HELP)
    .action(async (paths: string[], options: CopyFilesOptions) => finish(await copyFiles(paths, options)));
  const makeDirectory = new Command("mkdir")
    .description("Makes folders in a volume.")
    .summary("make folders")
    .argument("<place...>", "VOLUME:/PATH")
    .option("-p, --parents", "folders on the way, too; no error when it is there")
    .addOption(new Option("-m, --mode <mode>", "permissions, octal (default: 755)").argParser(parseMode))
    .action(async (places: string[], options: MakeDirectoryOptions) => finish(await makeDirectories(places, options)));
  const remove = new Command("rm")
    .description("Removes files from a volume.")
    .summary("remove files")
    .argument("<place...>", "VOLUME:/PATH")
    .option("-r, --recursive", "folders with all that is in them")
    .option("-f, --force", "do not mind what is not there")
    .addOption(dryRunOption())
    .addOption(jsonOption())
    .addHelpText("after", PLACE_HELP)
    .action(async (places: string[], options: RemoveFilesOptions) => finish(await removeFiles(places, options)));
  const move = new Command("mv")
    .description("Moves or renames a file or folder within a volume, atomically.")
    .summary("move or rename")
    .argument("<from>", "VOLUME:/PATH")
    .argument("<to>", "VOLUME:/PATH, or a folder to move into")
    .option("--no-clobber", "fail when the target is there")
    .option("--exchange", "let the two change places")
    .action(async (from: string, to: string, options: MoveFileOptions & { clobber?: boolean }) =>
      finish(
        await moveFile(from, to, {
          ...options,
          ...(options.clobber === false ? { noReplace: true } : {}),
        }),
      ),
    );
  const link = new Command("ln")
    .description("Makes a hard link, or with -s a symbolic link, in a volume.")
    .summary("make a link")
    .argument("<target>", "VOLUME:/PATH of the file; with -s any text")
    .argument("<link>", "VOLUME:/PATH of the new name")
    .option("-s, --symbolic", "a symbolic link")
    .action(async (target: string, place: string, options: LinkFileOptions) =>
      finish(await linkFile(target, place, options)),
    );
  return [list, show, copy, makeDirectory, remove, move, link];
}

interface ListFilesOptions {
  readonly long?: true;
  readonly classify?: true;
  readonly all?: true;
  readonly recursive?: true;
  readonly json?: true;
}
interface MakeDirectoryOptions {
  readonly parents?: true;
  readonly mode?: number;
}
interface RemoveFilesOptions {
  readonly recursive?: true;
  readonly force?: true;
  readonly dryRun?: true;
  readonly json?: true;
}
interface MoveFileOptions {
  readonly noReplace?: true;
  readonly exchange?: true;
}
interface LinkFileOptions {
  readonly symbolic?: true;
}

async function listFiles(text: string, options: ListFilesOptions): Promise<number> {
  const isForPeople = process.stdout.isTTY === true;
  // A program is told names as they are; a terminal, and JSON, have text.
  const isExact = !isForPeople && options.json !== true;
  const shownName = isExact ? (bytes: string): string => bytes : toText;
  await withReadTree(parseVolumePlace(text), (tree, start) => {
    const showsAll = options.all === true || options.json === true;
    const shown: { folder: string | null; files: ListedFile[] }[] = [];
    const single: ListedFile[] = [];
    const listed = (name: string, path: string): ListedFile => {
      const facts = tree.facts(path)!;
      return listedFile(name, facts, facts.kind === "symlink" ? tree.linkTarget(path) : null, shownName);
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
    const blocks = shown.map(
      ({ folder, files }) => (shown.length > 1 ? `${shownName(folder!)}:\n` : "") + print(files),
    );
    const all = [...(single.length > 0 ? [print(single)] : []), ...blocks].join("\n");
    process.stdout.write(isForPeople ? printable(all) : Buffer.from(all, "latin1"));
  });
  return 0;
}

const PIECE_BYTES = 1 << 20;

async function showFiles(texts: readonly string[]): Promise<number> {
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

async function makeDirectories(texts: readonly string[], options: MakeDirectoryOptions): Promise<number> {
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

async function removeFiles(texts: readonly string[], options: RemoveFilesOptions): Promise<number> {
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

async function moveFile(from: string, to: string, options: MoveFileOptions): Promise<number> {
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

async function linkFile(target: string, link: string, options: LinkFileOptions): Promise<number> {
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

interface CopyFilesOptions {
  readonly recursive?: true;
  readonly preserve?: true;
  readonly archive?: true;
  readonly json?: true;
}

/**
 * Copies into, out of, between and within volumes. What comes into a volume comes in one transaction: all of it, or
 * nothing. `-` is standard input or output.
 */
async function copyFiles(texts: readonly string[], options: CopyFilesOptions): Promise<number> {
  if (texts.length < 2) throw new UsageError("cp", "expected what to copy, and where to");
  const targetText = texts.at(-1)!;
  const sources = texts.slice(0, -1).map((text) => ({ text, place: findVolumePlace(text) }));
  const target = findVolumePlace(targetText);
  if (target === null && sources.every(({ place }) => place === null))
    throw new UsageError("cp", "nothing here is in a volume: VOLUME:/PATH names such a place");
  const volumes = new OpenVolumes(target?.volume ?? null);
  const progress = new ProgressDisplay(process.stderr);
  const total: CopyCount = { files: 0, directories: 0, others: 0, bytes: 0 };
  try {
    const host = new HostTree((path, what, why) => {
      progress.clear();
      const reason = why === undefined ? "" : `: ${why}`;
      process.stderr.write(printable(`stratos: ${toText(path)}: ${what}, left out${reason}\n`));
    });
    const targetTree = target === null ? host : await volumes.tree(target);
    const targetPath = toByteString(target === null ? targetText : target.path);
    const intoFolder = targetText !== "-" && targetTree.facts(targetPath, true)?.kind === "directory";
    for (const { text, place } of sources) {
      if (text === "-" || targetText === "-") {
        if (intoFolder) throw new UsageError("-", `${targetText} is a directory: say how the file is to be called`);
        total.bytes +=
          text === "-"
            ? copyStream(descriptorReader(0), targetTree.createFile(targetPath))
            : copyStream((await volumes.tree(place!)).openFile(toByteString(place!.path)), descriptorWriter(1));
        total.files++;
        continue;
      }
      const tree: FileTree = place === null ? host : await volumes.tree(place);
      const paths = tree instanceof VolumeTree ? expandPattern(tree, toByteString(place!.path)) : [toByteString(text)];
      if (paths.length + sources.length > 2 && !intoFolder)
        throw new CommandError(targetText, "is no directory, and there are several things to copy");
      const copier = new TreeCopier(tree, targetTree, {
        isRecursive: options.recursive === true || options.archive === true,
        preserves: options.preserve === true || options.archive === true,
        onProgress: (bytes) => {
          if (process.stderr.isTTY) progress.update("Copying", total.bytes + bytes, 0, "bytes");
        },
      });
      for (const path of paths) {
        const destination =
          intoFolder && baseName(path) !== "" && baseName(path) !== "."
            ? joinPath(targetPath, baseName(path))
            : targetPath;
        if (tree === targetTree && `${destination}/`.startsWith(`${path}/`) && path !== destination)
          throw new CommandError(tree.shown(path), "cannot be copied into itself");
        copier.copy(path, destination);
      }
      for (const key of ["files", "directories", "others", "bytes"] as const) total[key] += copier.count[key];
    }
    volumes.commit();
  } catch (error) {
    volumes.abort();
    throw volumes.explain(error);
  } finally {
    progress.clear();
    volumes.close();
  }
  if (options.json === true) process.stdout.write(`${JSON.stringify(total, null, 2)}\n`);
  return 0;
}

function copyStream(reader: FileReader, writer: FileWriter): number {
  const buffer = new Uint8Array(1 << 20);
  let offset = 0;
  try {
    for (let count = 0; (count = reader.read(offset, buffer, buffer.length)) > 0; offset += count)
      writer.write(offset, buffer, count);
  } finally {
    writer.close();
    reader.close();
  }
  return offset;
}

function descriptorReader(fd: number): FileReader {
  return {
    read: (_offset, bytes, length) => {
      for (;;) {
        try {
          return readSync(fd, bytes, 0, length, null);
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code === "EOF") return 0;
          // A terminal or pipe that another program made non-blocking: its writer is slow.
          if (code !== "EAGAIN") throw error;
          sleepSync(10);
        }
      }
    },
    nextData: (offset) => offset,
    close: () => {},
  };
}

function descriptorWriter(fd: number): FileWriter {
  fstatSync(fd);
  return {
    write: (_offset, bytes, length) => {
      for (let done = 0; done < length;) {
        try {
          done += writeSync(fd, bytes, done, length - done);
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code === "EPIPE") throw new BrokenPipe(error);
          if (code !== "EAGAIN") throw error;
          sleepSync(10);
        }
      }
    },
    setSize: () => {},
    close: () => {},
  };
}
