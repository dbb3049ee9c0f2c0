/** `stratos pkg`: packages, repositories, and the packages of images. */
import { Command } from "commander";
import { addCommands, type CommandFile, type Finish, type Wanted } from "../command-files.ts";

const FILES: readonly CommandFile[] = [
  {
    names: [
      "install",
      "remove",
      "purge",
      "autoremove",
      "upgrade",
      "update",
      "hold",
      "unhold",
      "history",
      "rollback",
      "clean",
    ],
    load: async (finish) => (await import("./pkg-system.ts")).systemCommands(finish),
  },
  {
    names: ["list", "ls", "show", "search", "depends", "why", "download", "lock"],
    load: async (finish) => (await import("./pkg-query.ts")).queryCommands(finish),
  },
  { names: ["apply", "diff", "schema"], load: async (finish) => (await import("./pkg-list.ts")).listCommands(finish) },
  {
    names: ["deb", "repo", "key"],
    load: async (finish) => {
      const { debCommand, keyCommand, repoCommand } = await import("./pkg-file-rows.ts");
      return [debCommand(finish), repoCommand(finish), keyCommand(finish)];
    },
  },
  { names: ["alpm"], load: async (finish) => (await import("./alpm-rows.ts")).alpmCommand(finish) },
];

export async function pkgCommand(finish: Finish, wanted: Wanted): Promise<Command> {
  const pkg = new Command("pkg")
    .summary("packages and repositories")
    .description("Packages of images, packages as files, repositories of one's own, and systems described by a list.")
    .usage("COMMAND");
  await addCommands(pkg, FILES, finish, wanted);
  return pkg;
}
