/** `stratos fs`: AegisFS volumes. A place in a volume is written VOLUME[@SNAPSHOT]:PATH. */
import { Command } from "commander";
import { addCommands, type CommandFile, type Finish, type Wanted } from "../command-files.ts";

const FILES: readonly CommandFile[] = [
  { names: ["format"], load: async (finish) => (await import("./fs-format.ts")).formatCommand(finish) },
  {
    names: ["ls", "cat", "cp", "mkdir", "rm", "mv", "ln"],
    load: async (finish) => (await import("./fs-files.ts")).fileCommands(finish),
  },
  {
    names: ["df", "stats", "check", "resize"],
    load: async (finish) => (await import("./fs-volume.ts")).volumeCommands(finish),
  },
  {
    names: ["mount", "umount", "install-helper"],
    load: async (finish) => (await import("./fs-mount.ts")).mountCommands(finish),
  },
  {
    names: ["snapshot", "schedule"],
    load: async (finish) => {
      const { scheduleCommand, snapshotCommand } = await import("./fs-snapshot.ts");
      return [snapshotCommand(finish), scheduleCommand(finish)];
    },
  },
  { names: ["send", "receive"], load: async (finish) => (await import("./fs-transfer.ts")).transferCommands(finish) },
  { names: ["txn"], load: async (finish) => (await import("./fs-transaction.ts")).transactionCommand(finish) },
  { names: ["audit"], load: async (finish) => (await import("./fs-audit.ts")).auditCommand(finish) },
  { names: ["quota"], load: async (finish) => (await import("./fs-quota.ts")).quotaCommand(finish) },
  {
    names: ["scrub", "health", "device", "key"],
    load: async (finish) => (await import("./fs-integrity-rows.ts")).integrityCommands(finish),
  },
  {
    names: ["property", "dedupe", "defrag", "tier"],
    load: async (finish) => (await import("./fs-space.ts")).spaceCommands(finish),
  },
  { names: ["backup"], load: async (finish) => (await import("./fs-backup.ts")).backupCommand(finish) },
  {
    names: ["serve", "ui", "config"],
    load: async (finish) => {
      const { configCommand, serveCommand, uiCommand } = await import("./fs-serve.ts");
      return [serveCommand(finish), uiCommand(finish), configCommand(finish)];
    },
  },
  { names: ["tui"], load: async (finish) => (await import("./fs-tui.ts")).tuiCommand(finish) },
];

export async function fsCommand(finish: Finish, wanted: Wanted): Promise<Command> {
  const fs = new Command("fs")
    .enablePositionalOptions()
    .summary("make, use and keep AegisFS volumes")
    .description("Makes, uses and keeps AegisFS volumes: files or devices with checksums, snapshots and clones.")
    .usage("COMMAND");
  await addCommands(fs, FILES, finish, wanted);
  return fs;
}
