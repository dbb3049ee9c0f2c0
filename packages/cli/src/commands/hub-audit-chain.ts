/** `stratos hub audit`: the chain of a hub's events, checked, and taken out into files that go on with it. */
import { createReadStream, createWriteStream, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Option, type Command } from "commander";
import { failedAt } from "@stratos/host-node/files";
import { CHAIN_START, checkAuditFile, type AuditFileView, type ChainFault, type ChainPlace } from "@stratos/hub/client";
import { CommandError, hostReason, UsageError } from "../command-error.ts";
import { withHub, type HubOptions } from "../hub/hub-client.ts";
import { printJson } from "../hub/hub-listing.ts";
import { noun, parseSeconds, row } from "./hub-options.ts";
import { jsonOption, type Finish } from "./row-options.ts";

interface Common extends HubOptions {
  readonly json?: true;
}

/** What the hub says of its chain. */
interface HubChain {
  readonly fault: ChainFault | null;
  readonly start: ChainPlace;
  readonly head: ChainPlace;
}

export function auditCommand(finish: Finish): Command {
  const audit = noun("audit", "check a hub's audit, and take out what is old");
  audit.addCommand(
    row(
      "verify",
      "check the chain of the audit",
      "Computes the chain of a hub's events again, and names the first entry that is not as it was sealed. With " +
        "files of `hub audit rotate`, in their order, those are checked, that each goes on where the one before " +
        "ends, and the hub where the last does. Status 1 when something is wrong.",
    )
      .argument("[file...]", "files of `hub audit rotate`, the oldest first")
      .option("--offline", "check the files alone, without a hub")
      .addOption(jsonOption())
      .action(async (files: string[], options: Common & { offline?: true }) =>
        finish(await verifyAudit(files, options)),
      ),
  );
  audit.addCommand(
    row(
      "rotate",
      "take out old entries into a file",
      "Writes a hub's events that were sealed long ago to a new file, checks it, and then has the hub forget them; " +
        "the chain goes on from the file's last seal. Needs the permission audit:rotate, which administrators have.",
    )
      .argument("<file>", "a new file, which nobody else may read")
      .addOption(
        new Option("--keep <time>", "entries of so long ago and younger stay in the hub")
          .argParser(parseSeconds)
          .default(7_776_000, "90d"),
      )
      .addOption(jsonOption())
      .action(async (file: string, options: Common & { keep: number }) => finish(await rotateAudit(file, options))),
  );
  return audit;
}

async function readAuditFile(path: string): Promise<AuditFileView> {
  const stream = createReadStream(path);
  try {
    // Opened here: readline passes over what its input says.
    await new Promise((resolve, reject) => stream.once("open", resolve).once("error", reject));
    return await checkAuditFile(createInterface({ input: stream }));
  } catch (error) {
    throw new CommandError(path, hostReason(error), { cause: error });
  } finally {
    stream.destroy();
  }
}

async function verifyAudit(files: readonly string[], options: Common & { readonly offline?: true }): Promise<number> {
  if (options.offline === true && files.length === 0) throw new UsageError("--offline", "needs files to check");
  const faults: { readonly where: string; readonly entry: number | null; readonly words: string }[] = [];
  const seen: (AuditFileView & { readonly file: string })[] = [];
  let place: ChainPlace = CHAIN_START;
  const expect = (where: string, start: ChainPlace): void => {
    if (start.number === place.number && start.hash === place.hash) return;
    const words =
      start.number === place.number
        ? `goes on from another seal ${start.number} than the one before ends with`
        : `goes on from seal ${start.number}, and the one before ends with ${place.number}`;
    faults.push({ where, entry: null, words });
  };
  for (const file of files) {
    const found = await readAuditFile(file);
    // The oldest may be kept elsewhere, or be gone for good: the first file is where this look begins.
    if (seen.length > 0) expect(file, found.from);
    if (found.fault !== null) faults.push({ where: file, entry: found.fault.entry, words: found.fault.words });
    seen.push({ file, ...found });
    place = found.end;
  }
  let hub: HubChain | null = null;
  if (options.offline !== true)
    await withHub(options, async (client) => {
      hub = await client.call<HubChain>("POST", "/audit/verify");
      if (files.length > 0) expect(client.url, hub.start);
      if (hub.fault !== null) faults.push({ where: client.url, entry: hub.fault.entry, words: hub.fault.words });
    });
  if (options.json === true) printJson({ files: seen, hub, faults });
  else {
    for (const { file, events, from, end } of seen)
      process.stdout.write(`${file}: ${events} entries, seals ${from.number + 1} to ${end.number}\n`);
    if (hub !== null) {
      const { start, head } = hub as HubChain;
      process.stdout.write(`hub: seals ${start.number + 1} to ${head.number}, ${head.hash}\n`);
    }
    for (const { where, words } of faults) process.stdout.write(`! ${where}: ${words}\n`);
    if (faults.length === 0) process.stdout.write("nothing is wrong\n");
  }
  return faults.length === 0 ? 0 : 1;
}

function rotateAudit(file: string, options: Common & { readonly keep: number }): Promise<number> {
  return withHub(options, async (client) => {
    const before = new Date(Date.now() - options.keep * 1_000).toISOString();
    const response = await client.raw("GET", `/audit/export?before=${before}`, {});
    const source = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
    let isMade = false;
    try {
      const target = createWriteStream(file, { mode: 0o600, flags: "wx", flush: true });
      target.once("open", () => (isMade = true));
      target.once("error", (error) => failedAt(file, error));
      await pipeline(source, target);
      const found = await readAuditFile(file);
      if (found.fault !== null) throw new CommandError(file, `nothing was taken out: ${found.fault.words}`);
      if (found.events === 0) {
        rmSync(file);
        if (options.json === true) printJson({ file: null, events: 0 });
        else process.stdout.write(`nothing was sealed before ${before}\n`);
        return;
      }
      await client.call("POST", "/audit/rotate", found.end);
      const { events, from, end, oldest, newest } = found;
      if (options.json === true) printJson({ file, events, from, end, oldest, newest });
      else
        process.stdout.write(
          `${file}: ${events} entries, of ${oldest} to ${newest}, seals ${from.number + 1} to ${end.number}\n`,
        );
    } catch (error) {
      if (isMade) process.stderr.write(`stratos: ${file}: what was written stays; the hub may still have it all\n`);
      if ((error as NodeJS.ErrnoException).syscall === "open")
        throw new CommandError(file, hostReason(error), { cause: error });
      throw error;
    }
  });
}
