/** `stratos fs send` and `stratos fs receive`. */
import { createReadStream, realpathSync } from "node:fs";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { createZstdCompress, createZstdDecompress } from "node:zlib";
import { Command } from "commander";
import { ProgressDisplay } from "../progress-display.ts";
import { callContext } from "@stratos/volumes/call";
import {
  toText,
  findVolume,
  hostPath,
  commandInput,
  withVolume,
  listPartialTransfers,
  parseResumeToken,
  sendSnapshot,
  SnapshotReceiver,
} from "@stratos/volumes";
import { jsonOption, VOLUME_WORDS, type Finish } from "./row-options.ts";
import { CommandError, UsageError } from "../command-error.ts";
import { writeOutput } from "../output-file.ts";
import { formatTable } from "../text-table.ts";

export function transferCommands(finish: Finish): Command[] {
  const send = new Command("send")
    .description(
      "Writes a snapshot, or what changed since another one, as a stream that `receive` takes: `stratos fs send " +
        "v s2 --from s1 | ssh host stratos fs receive w`.",
    )
    .summary("write a snapshot as a stream")
    .argument("<volume>", VOLUME_WORDS)
    .argument("[snapshot]", "a read-only snapshot (default: the one that the path is of, DIR/.snapshots/NAME)")
    .option("--from <name>", "only what changed since this snapshot, which the receiver has")
    .option("--resume <token>", "go on with a transfer that broke; `receive --status` shows the token")
    .option("-z, --compress", "compress the stream (zstd)")
    .option("-o, --output <file>", "write there rather than to stdout")
    .action(async (volume: string, snapshot: string | undefined, options: SendOptions) =>
      finish(await sendCommand(volume, snapshot ?? snapshotOf(volume), options)),
    );
  const receive = new Command("receive")
    .description(
      "Makes a snapshot from a stream. Every record and the whole are verified; until then the snapshot is " +
        "marked incomplete, and a transfer that breaks can go on where it was.",
    )
    .summary("make a snapshot from a stream")
    .argument("<volume>", VOLUME_WORDS)
    .argument("[name]", "name of the snapshot (default: its name at the source)")
    .option("-i, --input <file>", "read from there rather than from stdin")
    .option("--status", "show transfers that wait to be resumed, and stop")
    .addOption(jsonOption())
    .action(async (volume: string, name: string | undefined, options: ReceiveOptions) =>
      finish(await receiveCommand(volume, name, options)),
    );
  return [send, receive];
}

interface SendOptions {
  readonly from?: string;
  readonly resume?: string;
  readonly output?: string;
  readonly compress?: true;
}
interface ReceiveOptions {
  readonly input?: string;
  readonly status?: true;
  readonly json?: true;
}

/** The snapshot that a path in a mounted volume lies in. */
function snapshotOf(path: string): string {
  const snapshot = findVolume(path).inside?.snapshot ?? null;
  if (snapshot === null || !/\/\.snapshots\/[^/]/.test(realpathSync(path)))
    throw new UsageError("SNAPSHOT", `missing; \`stratos fs snapshot list ${path}\` shows them`);
  return snapshot;
}

async function sendCommand(path: string, snapshot: string, options: SendOptions): Promise<number> {
  if (options.output === undefined && process.stdout.isTTY)
    throw new UsageError("send", "standard output is a terminal; give --output FILE, or redirect");
  const request = {
    snapshot,
    ...(options.from === undefined ? {} : { from: options.from }),
    ...(options.resume === undefined ? {} : { resume: parseResumeToken(options.resume) }),
  };
  const progress = new ProgressDisplay(process.stderr);
  try {
    await withVolume(path, "read", async (opened) => {
      const pieces = sendSnapshot(opened, request);
      // What is refused is refused before a file is made.
      const first = pieces.next();
      const file = options.output === undefined ? undefined : hostPath(options.output);
      await writeOutput(file, async (stream) => {
        const target: Writable = options.compress === true ? createZstdCompress() : stream;
        const done = finished(stream, { cleanup: true });
        done.catch(() => {});
        if (target !== stream) target.pipe(stream, { end: stream !== process.stdout });
        let sent = 0;
        for (let piece = first; piece.done !== true; piece = pieces.next()) {
          if (!target.write(piece.value.slice())) await Promise.race([once(target, "drain"), done]);
          sent += piece.value.length;
          if (process.stderr.isTTY) progress.update("Sending", sent, 0, "bytes");
        }
        await close(target, stream, done);
      });
    });
  } finally {
    progress.clear();
  }
  return 0;
}

async function close(target: Writable, stream: Writable, done: Promise<void>): Promise<void> {
  if (target !== stream) {
    target.end();
    if (stream === process.stdout) await finished(target);
  } else if (stream !== process.stdout) stream.end();
  if (stream !== process.stdout) await done;
  else await new Promise<void>((resolve, reject) => stream.write("", (error) => (error ? reject(error) : resolve())));
}

async function receiveCommand(path: string, name: string | undefined, options: ReceiveOptions): Promise<number> {
  if (options.status === true) {
    const transfers = await withVolume(path, "read", listPartialTransfers);
    if (options.json === true) process.stdout.write(`${JSON.stringify(transfers, null, 2)}\n`);
    else if (transfers.length === 0) process.stdout.write(`${path}: no transfer waits to be resumed\n`);
    else
      process.stdout.write(
        formatTable(
          ["NAME", "SOURCE", "RESUME"],
          transfers.map((one) => [one.name, `${one.sourceVolume}-${one.sourceSnapshot}`, one.resume]),
        ),
      );
    return 0;
  }
  if (options.input === undefined && callContext.caller === null && process.stdin.isTTY)
    throw new UsageError("receive", "standard input is a terminal; give --input FILE, or redirect");
  const progress = new ProgressDisplay(process.stderr);
  const result = await withVolume(path, "write", async (opened) => {
    const receiver = new SnapshotReceiver(opened, name);
    for await (const piece of unpacked(
      options.input === undefined
        ? commandInput(process.stdin)
        : createReadStream(hostPath(options.input), { highWaterMark: 1 << 20 }),
    )) {
      receiver.push(piece);
      if (process.stderr.isTTY) progress.update("Receiving", receiver.dataBytes, 0, "bytes");
    }
    return { name: toText(receiver.finish().name), dataBytes: receiver.dataBytes };
  }).finally(() => progress.clear());
  if (options.json === true) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else process.stdout.write(`${result.name}\n`);
  return 0;
}

/** A stream that was compressed shows it by its first bytes (RFC 8878 §3.1.1). */
async function* unpacked(source: Readable): AsyncGenerator<Uint8Array> {
  const pieces = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let head = Buffer.alloc(0);
  while (head.length < 4) {
    const { value, done } = await pieces.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  if (!head.subarray(0, 4).equals(Buffer.of(0x28, 0xb5, 0x2f, 0xfd))) {
    yield head;
    for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) yield next.value;
    return;
  }
  const zstd = createZstdDecompress();
  const feed = (async (): Promise<void> => {
    zstd.write(head);
    for (let next = await pieces.next(); next.done !== true; next = await pieces.next())
      if (!zstd.write(next.value)) await once(zstd, "drain");
    zstd.end();
  })();
  feed.catch((error: unknown) => zstd.destroy(error as Error));
  try {
    for await (const piece of zstd) yield piece as Buffer;
  } catch (error) {
    throw new CommandError("stream", `cannot be unpacked: ${(error as Error).message}`, { cause: error });
  }
}
