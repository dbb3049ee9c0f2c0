/** `stratos ostree`: repositories of commits, beside what composes and `image convert` write into them. */
import { Command, InvalidArgumentError, Option } from "commander";
import type { OstreeServeOptions } from "../commands/ostree-commands.ts";
import type { DeltaGenerateOptions } from "../commands/ostree-delta-commands.ts";
import { parseListen } from "../option-values.ts";
import { jsonOption, type Finish } from "./fs-rows.ts";

export function ostreeCommand(finish: Finish): Command {
  const commands = () => import("../commands/ostree-commands.ts");
  const ostree = new Command("ostree")
    .summary("OSTree repositories")
    .description(
      "Repositories of OSTree commits: what is in them, whether it is whole, and what machines update themselves from.",
    )
    .usage("COMMAND");
  ostree.addCommand(
    new Command("refs")
      .description("Lists the references of a repository and the commits that they name.")
      .summary("list references")
      .argument("<repository>", "folder")
      .addOption(jsonOption())
      .action(async (repository: string, options: { json?: true }) =>
        finish(await (await commands()).listRefs(repository, options)),
      ),
  );
  ostree.addCommand(
    new Command("check")
      .description(
        "Reads every object of the commits that references name, or of one commit, and tells those that are " +
          "missing or have been changed.",
      )
      .summary("prove that a repository is whole")
      .argument("<repository>", "folder")
      .argument("[commit]", "reference or checksum (default: all references)")
      .addOption(jsonOption())
      .action(async (repository: string, commit: string | undefined, options: { json?: true }) =>
        finish(await (await commands()).checkRepository(repository, commit, options)),
      ),
  );
  ostree.addCommand(
    new Command("serve")
      .description(
        "Serves a repository over HTTP until a signal ends it, for `ostree pull` and `ostree admin upgrade`. The " +
          "first line of output is its URL.",
      )
      .summary("serve a repository over HTTP")
      .argument("<repository>", "folder of a repository of mode archive")
      .addOption(
        new Option("-l, --listen <address>", "HOST:PORT, or PORT; port 0 is any that is free")
          .argParser(parseListen)
          .default({ host: "127.0.0.1", port: 0 }, "127.0.0.1:0"),
      )
      .option("-q, --quiet", "no line for each request")
      .action(async (repository: string, options: OstreeServeOptions) =>
        finish(await (await commands()).serveOstree(repository, options)),
      ),
  );
  ostree.addCommand(deltaCommand(finish));
  return ostree;
}

function deltaCommand(finish: Finish): Command {
  const commands = () => import("../commands/ostree-delta-commands.ts");
  const delta = new Command("delta")
    .summary("make and apply static deltas")
    .description(
      "Static deltas: what makes one commit of another, in a few files, which `ostree pull` takes by itself and " +
        "`ostree static-delta apply-offline` from a file.",
    )
    .usage("COMMAND");
  delta.addCommand(
    new Command("generate")
      .description(
        "Makes the delta from one commit to another and announces it in the summary. Parts are packed by xz(1), " +
          "where there is one.",
      )
      .summary("make a delta")
      .argument("<repository>", "folder")
      .argument("<to>", "reference or checksum of the newer commit")
      .option("--from <commit>", "the older commit (default: the newer one's parent)")
      .option("--empty", "from nothing: all of the commit")
      .option("-o, --output <file>", "one file with everything, to be carried by hand, rather than in the repository")
      .addOption(
        new Option(
          "--time <seconds>",
          "time of what is made, in seconds since 1970 (default: the newer commit's)",
        ).argParser(parseTime),
      )
      .option("--sign <key>", "sign the summary by OpenPGP anew: name of a key (`stratos pkg key`), or file")
      .option("--sign-ed25519 <file>", "sign it by Ed25519")
      .addOption(jsonOption())
      .action(async (repository: string, to: string, options: DeltaGenerateOptions) =>
        finish(await (await commands()).generateDelta(repository, to, options)),
      ),
  );
  delta.addCommand(
    new Command("list")
      .alias("ls")
      .description("Lists the deltas of a repository.")
      .summary("list deltas")
      .argument("<repository>", "folder")
      .addOption(jsonOption())
      .action(async (repository: string, options: { json?: true }) =>
        finish(await (await commands()).listDeltasOf(repository, options)),
      ),
  );
  delta.addCommand(
    new Command("show")
      .description("Tells what a delta is made of.")
      .summary("tell what a delta is made of")
      .argument("<file>", "a delta's file or superblock; or a repository, with a delta's name behind it")
      .argument("[name]", "FROM-TO, or TO")
      .addOption(jsonOption())
      .action(async (file: string, name: string | undefined, options: { json?: true }) =>
        finish(await (await commands()).showDelta(file, name, options)),
      ),
  );
  delta.addCommand(
    new Command("apply")
      .description(
        "Puts the commit that a delta makes into a repository. Every object is proved; the commit comes last.",
      )
      .summary("apply a delta")
      .argument("<repository>", "folder")
      .argument("<file>", "a delta's file, or a superblock with its parts beside it")
      .option("--ref <ref>", "make this reference name the commit")
      .addOption(jsonOption())
      .action(async (repository: string, file: string, options: { ref?: string; json?: true }) =>
        finish(await (await commands()).applyDeltaTo(repository, file, options)),
      ),
  );
  return delta;
}

function parseTime(text: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new InvalidArgumentError("expected seconds since 1970");
  return Number(text);
}
