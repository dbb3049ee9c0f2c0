/** `stratos ostree`: repositories of commits, beside what composes and `image convert` write into them. */
import { Command, Option } from "commander";
import type { OstreeServeOptions } from "../commands/ostree-commands.ts";
import { parseListen } from "../option-values.ts";
import { jsonOption, type Finish } from "./fs-rows.ts";

export function ostreeCommand(finish: Finish): Command {
  const commands = () => import("../commands/ostree-commands.ts");
  const ostree = new Command("ostree").summary("OSTree repositories").description("Repositories of OSTree commits: what is in them, whether it is whole, and what machines update themselves from.").usage("COMMAND");
  ostree.addCommand(new Command("refs")
    .description("Lists the references of a repository and the commits that they name.")
    .summary("list references")
    .argument("<repository>", "folder")
    .addOption(jsonOption())
    .action(async (repository: string, options: { json?: true }) => finish(await (await commands()).listRefs(repository, options))));
  ostree.addCommand(new Command("check")
    .description("Reads every object of the commits that references name, or of one commit, and tells those that are missing or have been changed.")
    .summary("prove that a repository is whole")
    .argument("<repository>", "folder")
    .argument("[commit]", "reference or checksum (default: all references)")
    .addOption(jsonOption())
    .action(async (repository: string, commit: string | undefined, options: { json?: true }) => finish(await (await commands()).checkRepository(repository, commit, options))));
  ostree.addCommand(new Command("serve")
    .description("Serves a repository over HTTP until a signal ends it, for `ostree pull` and `ostree admin upgrade`. The first line of output is its URL.")
    .summary("serve a repository over HTTP")
    .argument("<repository>", "folder of a repository of mode archive")
    .addOption(new Option("-l, --listen <address>", "HOST:PORT, or PORT; port 0 is any that is free").argParser(parseListen).default({ host: "127.0.0.1", port: 0 }, "127.0.0.1:0"))
    .option("-q, --quiet", "no line for each request")
    .action(async (repository: string, options: OstreeServeOptions) => finish(await (await commands()).serveOstree(repository, options))));
  return ostree;
}
