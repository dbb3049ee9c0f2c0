/** Rows of `stratos fs` that move snapshots between volumes. */
import { Command } from "commander";
import type { ReceiveOptions, SendOptions } from "../commands/fs-transfer-commands.ts";
import { jsonOption, VOLUME_WORDS, type Finish } from "./fs-rows.ts";

export function transferCommands(finish: Finish): Command[] {
  const commands = () => import("../commands/fs-transfer-commands.ts");
  const send = new Command("send")
    .description(
      "Writes a snapshot, or what changed since another one, as a stream that `receive` takes: `stratos fs send " +
        "v s2 --from s1 | ssh host stratos fs receive w`.",
    )
    .summary("write a snapshot as a stream")
    .argument("<volume>", VOLUME_WORDS)
    .argument("<snapshot>", "a read-only snapshot")
    .option("--from <name>", "only what changed since this snapshot, which the receiver has")
    .option("--resume <token>", "go on with a transfer that broke; `receive --status` shows the token")
    .option("-z, --compress", "compress the stream (zstd)")
    .option("-o, --output <file>", "write there rather than to stdout")
    .action(async (volume: string, snapshot: string, options: SendOptions) =>
      finish(await (await commands()).sendCommand(volume, snapshot, options)),
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
      finish(await (await commands()).receiveCommand(volume, name, options)),
    );
  return [send, receive];
}
