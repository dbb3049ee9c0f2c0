/**
 * Runs commands of `stratos fs` in the process that has their volume mounted. They are the same commands: `openVolume`
 * gives them the volume that is served, and what they print goes to who called.
 */
import type { MountedCall, MountedContext } from "@stratos/tools-node/fuse";
import { hostVolume, holdVolume } from "@stratos/volumes";
import { commandHandlers } from "./program/command-handlers.ts";
import { runCli } from "./run-cli.ts";

/**
 * What may change a mounted volume, and what shows one that only its server has the key of. Files in it are changed
 * through the mount.
 */
const COMMANDS: ReadonlySet<string> = new Set([
  "snapshot create",
  "snapshot delete",
  "snapshot rm",
  "snapshot cleanup",
  "snapshot rollback",
  "schedule set",
  "schedule clear",
  "schedule run",
  "resize",
  "scrub",
  "health",
  "device add",
  "device remove",
  "device replace",
  "device copies",
  "audit enable",
  "audit retention",
  "quota on",
  "quota off",
  "quota set",
  "quota project",
  "property",
  "dedupe",
  "defrag",
  "tier pin",
  "tier migrate",
  "receive",
  "txn clean",
  "txn begin",
  "txn end",
  "key add",
  "key change",
  "key remove",
  "key rotate",
  "key reseal",
  "snapshot list",
  "snapshot ls",
  "snapshot stats",
  "snapshot diff",
  "schedule show",
  "df",
  "stats",
  "audit show",
  "audit head",
  "audit verify",
  "quota report",
  "quota show",
  "tier status",
]);

export async function runMountedCommand(call: MountedCall, context: MountedContext): Promise<number | null> {
  const [group = "", ...words] = call.args;
  const held = holdVolume(group, context.volume);
  if (held !== null) return held;
  if (group !== "fs" || !(COMMANDS.has(words[0] ?? "") || COMMANDS.has(words.slice(0, 2).join(" ")))) return null;
  const streams = [
    ["stdout", process.stdout],
    ["stderr", process.stderr],
  ] as const;
  const written = streams.map(([, stream]) => stream.write);
  for (const [name, stream] of streams) {
    stream.isTTY = call.isTerminal && name === "stderr";
    stream.columns = call.columns;
    stream.write = (chunk: Uint8Array | string): boolean => {
      context.write(name, typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8"));
      return true;
    };
  }
  hostVolume({
    ...context,
    cwd: call.cwd,
    breathe: () => {
      context.breathe();
      // Signals reach the first thread alone; who called has passed this one on.
      if (context.takeInterrupt()) process.emit("SIGINT");
    },
  });
  try {
    return await runCli(call.args, commandHandlers, call);
  } finally {
    hostVolume(null);
    streams.forEach(([, stream], index) => {
      stream.write = written[index]!;
    });
  }
}
