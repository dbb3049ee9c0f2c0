/**
 * `stratos fs txn run`: a command sees a volume's files in a folder, and all that it changed becomes the volume's when
 * it succeeds, nothing when it fails. The folder is a FUSE mount of a fork; where there is no FUSE, a copy, whose
 * changes are brought in. Of a volume that is mounted it is the fork's place in `.snapshots`, and the process that
 * serves the mount begins and ends the transaction (`txn begin`, `txn end`, which help does not list).
 */
import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, lstatSync, mkdtempSync, rmSync } from "node:fs";
import { constants as osConstants, tmpdir } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { VolumeInUseError } from "@stratos/volumes/call";
import { isRunning, withEnvironmentFilters } from "@stratos/host-node";
import { Transaction, type Subvolume, type Volume } from "@stratos/aegisfs";
import {
  TreeCopier,
  HostTree,
  mirrorBack,
  recordTree,
  type TreeRecord,
  filteredFilesOf,
  withVolume,
  type OpenedVolume,
  reclaimAll,
  expectResult,
  expectValue,
  VolumeTree,
} from "@stratos/volumes";
import { VOLUME_WORDS, type Finish } from "./row-options.ts";
import { runWhereMounted } from "../run-where-mounted.ts";
import { CommandError, hostReason, UsageError } from "../command-error.ts";
import { EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND, EXIT_SIGNAL_BASE } from "../exit-status.ts";
import { rawArguments } from "../session/raw-arguments.ts";

export function transactionCommand(finish: Finish): Command {
  const transaction = new Command("txn")
    .enablePositionalOptions()
    .summary("run commands as transactions")
    .description("Runs commands as transactions on a volume: all that they change, or nothing.")
    .usage("COMMAND");
  transaction.addCommand(
    new Command("run")
      .description(
        "Runs a command in a folder that shows the volume's files. When it ends with status 0, all that it " +
          "changed becomes the volume's at once; else nothing has happened. The folder is a mount where FUSE is " +
          "there, else a copy; of a volume that is mounted it lies in the mount (.snapshots/NAME). " +
          "$STRATOS_TRANSACTION names it.",
      )
      .summary("run a command: all of what it does, or nothing")
      .usage("[OPTIONS] VOLUME [--] CMD [ARG…]")
      .argument("<volume>", VOLUME_WORDS)
      .argument("<cmd>", "program of the host")
      .argument("[arg...]", "its arguments")
      .option("--no-mount", "work on a copy, although FUSE is there (of a volume that is not mounted)")
      .passThroughOptions()
      .action(async (volume: string, command: string, args: string[], options: TransactionRunOptions) =>
        finish(await runTransaction(volume, [command, ...args], options)),
      ),
  );
  transaction.addCommand(
    new Command("clean")
      .description("Removes what transactions left whose command was killed. Nothing of them happens.")
      .summary("remove what killed transactions left")
      .argument("<volume>", VOLUME_WORDS)
      .action(async (volume: string) => finish(await cleanTransactions(volume))),
  );
  // What `run` asks of the process that serves a mounted volume.
  transaction.addCommand(
    new Command("begin")
      .argument("<volume>", VOLUME_WORDS)
      .argument("<name>", "of the transaction", transactionName)
      .action(async (volume: string, name: string) => {
        await beginTransaction(volume, name);
        finish(0);
      }),
    { hidden: true },
  );
  transaction.addCommand(
    new Command("end")
      .argument("<volume>", VOLUME_WORDS)
      .argument("<name>", "of the transaction", transactionName)
      .option("--commit", "keep what was done")
      .action(async (volume: string, name: string, options: { commit?: true }) =>
        finish(await endTransactionNamed(volume, name, options)),
      ),
    { hidden: true },
  );
  return transaction;
}

function transactionName(text: string): string {
  if (!/^\.transaction-\d+-[0-9a-z]+$/.test(text)) throw new InvalidArgumentError("No name of a transaction.");
  return text;
}

interface TransactionRunOptions {
  readonly mount?: boolean;
}

async function runTransaction(path: string, words: readonly string[], options: TransactionRunOptions): Promise<number> {
  // What follows VOLUME is passed through as it is, with the "--" that ends our own options.
  const own = words[0] === "--" ? words.slice(1) : words;
  if (own.length === 0) throw new UsageError("CMD", "missing; see --help");
  const command = rawArguments(own).map((word) => Buffer.from(word, "latin1").toString("utf8"));
  const name = `.transaction-${process.pid}-${Date.now().toString(36)}`;
  try {
    await beginTransaction(path, name);
  } catch (error) {
    if (!(error instanceof VolumeInUseError) || error.mountPoint === null) throw error;
    return (
      (await runServed(path, name, { source: error.path, mountPoint: error.mountPoint }, command)) ?? refuse(error)
    );
  }
  const folder = mkdtempSync(join(tmpdir(), "stratos-transaction-"));
  let status = 1;
  let isDone = false;
  try {
    status =
      options.mount !== false && canMount()
        ? await runMounted(path, name, folder, command)
        : await runOnCopy(path, name, folder, command);
    isDone = true;
  } finally {
    const ended = await endTransaction(path, name, isDone && status === 0);
    rmSync(folder, { recursive: true, force: true });
    if (ended !== null && isDone) throw ended;
  }
  return status;
}

function refuse(error: Error): never {
  throw error;
}

/** Makes the two snapshots that a transaction works with. */
function beginTransaction(path: string, name: string): Promise<void> {
  return withVolume(path, "write", (opened) => {
    const { volume } = opened;
    if (opened.hosted !== null && withEnvironmentFilters(volume.root) !== volume.root)
      throw new CommandError(
        path,
        "is mounted with filters, which what lies in .snapshots passes by: `stratos fs umount` it first",
      );
    // A mount that could not be told of the end is to say so now.
    opened.replaceFiles();
    const label = "of a running transaction";
    const base = expectResult(path, volume.snapshot(volume.root, `${name}-base`, { readOnly: true, label }));
    expectResult(path, volume.snapshot(volume.subvolume(base)!, name, { readOnly: false, label }));
  });
}

/** The same where the volume is mounted. @returns null when nobody who serves it can be asked */
async function runServed(
  path: string,
  name: string,
  { source, mountPoint }: { readonly source: string; readonly mountPoint: string },
  command: readonly string[],
): Promise<number | null> {
  const begun = await runWhereMounted(source, ["fs", "txn", "begin", path, name]);
  if (begun !== 0) return begun;
  let status: number | null = null;
  try {
    status = await runCommand(command, join(mountPoint, ".snapshots", name));
  } finally {
    const ended = await runWhereMounted(source, [
      "fs",
      "txn",
      "end",
      path,
      name,
      ...(status === 0 ? ["--commit"] : []),
    ]);
    // What kept it from being committed has been told.
    if (status === 0) status = ended ?? 1;
  }
  return status;
}

/** @throws CommandError why it could not be committed */
async function endTransactionNamed(path: string, name: string, options: { commit?: true }): Promise<number> {
  const failure = await endTransaction(path, name, options.commit === true);
  if (failure !== null) throw failure;
  return 0;
}

function canMount(): boolean {
  try {
    accessSync("/dev/fuse", constants.R_OK | constants.W_OK);
    return process.getuid?.() === 0 || spawnSync("fusermount3", ["-V"], { stdio: "ignore" }).status === 0;
  } catch {
    return false;
  }
}

async function runMounted(path: string, name: string, folder: string, command: readonly string[]): Promise<number> {
  stratos("mount", "-o", `subvol=${name},nocontrol`, path, folder);
  try {
    return await runCommand(command, folder);
  } finally {
    stratos("umount", folder);
  }
}

/** Another command of ours, in a process of its own. @throws CommandError with its words */
function stratos(...args: string[]): void {
  const result = spawnSync(process.execPath, [...process.execArgv, process.argv[1]!, "fs", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
  });
  if (result.status === 0) return;
  const words = result.stderr.trim().replace(/^stratos: /, "");
  throw new CommandError(`fs ${args[0]!}`, words === "" ? "failed" : words);
}

async function runOnCopy(path: string, name: string, folder: string, command: readonly string[]): Promise<number> {
  const host = new HostTree();
  const copy = join(folder, "files");
  await withVolume(path, "read", (opened) =>
    new TreeCopier(new VolumeTree(filteredFilesOf(opened, name), path), host, {
      isRecursive: true,
      preserves: true,
    }).copy("/", copy),
  );
  const record: TreeRecord = recordTree(host, copy, ctimeOf);
  const status = await runCommand(command, copy);
  if (status === 0)
    await withVolume(path, "write", (opened) =>
      mirrorBack(host, copy, new VolumeTree(filteredFilesOf(opened, name), path), record, ctimeOf),
    );
  return status;
}

function ctimeOf(path: string): string {
  return String(lstatSync(Buffer.from(path, "latin1"), { bigint: true }).ctimeNs);
}

/** Runs in the folder; an interrupt is the command's business, and the transaction ends as the command does. */
async function runCommand(command: readonly string[], folder: string): Promise<number> {
  const [program, ...args] = command;
  const child = spawn(program!, args, {
    cwd: folder,
    stdio: "inherit",
    env: { ...process.env, STRATOS_TRANSACTION: folder },
  });
  const ignore = (): void => {};
  process.on("SIGINT", ignore);
  const terminate = (): void => void child.kill("SIGTERM");
  process.on("SIGTERM", terminate);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.on("error", (error: NodeJS.ErrnoException) => {
        reject(
          new CommandError(program!, error.code === "ENOENT" ? "not found" : hostReason(error), {
            status: error.code === "ENOENT" ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE,
            cause: error,
          }),
        );
      });
      child.on("exit", (status, signal) => resolve(status ?? EXIT_SIGNAL_BASE + (osConstants.signals[signal!] ?? 0)));
    });
  } finally {
    process.off("SIGINT", ignore);
    process.off("SIGTERM", terminate);
  }
}

/** @returns why it could not be committed, or null */
async function endTransaction(path: string, name: string, commits: boolean): Promise<CommandError | null> {
  return withVolume(path, "write", (opened) => {
    const transaction = resumeByName(opened, name);
    // Where the volume is mounted, its users see the outcome, and not what they knew before.
    opened.replaceFiles();
    if (!commits) {
      expectResult(path, transaction.abort());
      reclaimAll(opened);
      return null;
    }
    const result = transaction.commit();
    if (result < 0 && transaction.conflict !== null)
      return new CommandError(
        path,
        `others changed the same meanwhile (${transaction.conflict}): nothing of what the command did was kept`,
      );
    expectResult(path, result);
    reclaimAll(opened);
    return null;
  });
}

function resumeByName({ path, volume }: OpenedVolume, name: string): Transaction {
  return expectValue(path, Transaction.resume(found(volume, path, `${name}-base`), found(volume, path, name)));
}

function found(volume: Volume, path: string, name: string): Subvolume {
  const subvolume = volume.subvolume(Math.max(0, volume.findSubvolume(name)));
  if (subvolume === null) throw new CommandError(`${path}@${name}`, "the transaction's files are gone");
  return subvolume;
}

/** Ends transactions whose command is gone: they were interrupted, so nothing of them happens. */
async function cleanTransactions(path: string): Promise<number> {
  await withVolume(path, "write", (opened) => {
    const { volume } = opened;
    for (const { name, id } of expectValue(path, volume.subvolumes())) {
      const pid = /^\.transaction-(\d+)-/.exec(name)?.[1];
      if (pid === undefined || isRunning(Number(pid)) || volume.subvolume(id) === null) continue;
      expectResult(path, volume.deleteSubvolume(id));
    }
    reclaimAll(opened);
  });
  return 0;
}
