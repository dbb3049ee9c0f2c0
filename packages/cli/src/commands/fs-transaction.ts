/**
 * `stratos fs txn run`: a command sees a volume's files in a folder, and all that it changed becomes the volume's when
 * it succeeds, nothing when it fails. The folder is a FUSE mount of a fork; where there is no FUSE, a copy, whose
 * changes are brought in. Of a volume that is mounted it is the fork's place in `.snapshots`, and the process that
 * serves the mount begins and ends the transaction (`txn begin`, `txn end`, which help does not list).
 */
import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { endOfForeground } from "@stratos/host-node/home";
import { VolumeInUseError } from "@stratos/volumes/call";
import {
  beginTransaction,
  cleanTransactions,
  endTransaction,
  isTransactionName,
  newTransactionName,
  workOnCopy,
} from "@stratos/volumes/transactions";
import { VOLUME_WORDS, type Finish } from "./row-options.ts";
import { runWhereMounted } from "../run-where-mounted.ts";
import { CommandError, hostReason, UsageError } from "../command-error.ts";
import { EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND } from "../exit-status.ts";
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
      .action(async (volume: string) => {
        await cleanTransactions(volume);
        finish(0);
      }),
  );
  // What `run` asks of the process that serves a mounted volume.
  transaction.addCommand(
    new Command("begin")
      .description("Begins a transaction on a mounted volume; `fs txn run` asks for it.")
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
      .description("Ends a transaction on a mounted volume; `fs txn run` asks for it.")
      .argument("<volume>", VOLUME_WORDS)
      .argument("<name>", "of the transaction", transactionName)
      .option("--commit", "keep what was done")
      .action(async (volume: string, name: string, options: { commit?: true }) => {
        const failure = await endTransaction(volume, name, options.commit === true);
        if (failure !== null) throw failure;
        finish(0);
      }),
    { hidden: true },
  );
  return transaction;
}

function transactionName(text: string): string {
  if (!isTransactionName(text)) throw new InvalidArgumentError("No name of a transaction.");
  return text;
}

interface TransactionRunOptions {
  readonly mount?: boolean;
}

async function runTransaction(path: string, words: readonly string[], options: TransactionRunOptions): Promise<number> {
  // What follows VOLUME is passed through as it is, with the "--" that ends our own options.
  const own = words[0] === "--" ? words.slice(1) : words;
  if (own.length === 0) throw new UsageError("CMD", "missing; see --help");
  // Of Node, no program at all is a defect of its caller's.
  if (own[0] === "") throw new UsageError("CMD", "is empty; a variable that is not set?");
  const command = rawArguments(own).map((word) => Buffer.from(word, "latin1").toString("utf8"));
  const name = newTransactionName(Date.now());
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

function canMount(): boolean {
  try {
    accessSync("/dev/fuse", constants.R_OK | constants.W_OK);
    return process.getuid?.() === 0 || spawnSync("fusermount3", ["-V"], { stdio: "ignore" }).status === 0;
  } catch {
    return false;
  }
}

async function runOnCopy(path: string, name: string, folder: string, command: readonly string[]): Promise<number> {
  let status = 1;
  await workOnCopy({ path, name, folder }, async (files) => (status = await runCommand(command, files)) === 0);
  return status;
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

/** Runs in the folder; an interrupt is the command's business, and the transaction ends as the command does. */
async function runCommand(command: readonly string[], folder: string): Promise<number> {
  const [program, ...args] = command;
  const child = spawn(program!, args, {
    cwd: folder,
    stdio: "inherit",
    env: { ...process.env, STRATOS_TRANSACTION: folder },
  });
  return endOfForeground(child).catch((error: NodeJS.ErrnoException) => {
    const isAbsent = error.code === "ENOENT";
    throw new CommandError(program!, isAbsent ? "not found" : hostReason(error), {
      status: isAbsent ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE,
      cause: error,
    });
  });
}
