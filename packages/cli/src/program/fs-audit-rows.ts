/** Rows of `stratos fs audit`. */
import { Command, Option } from "commander";
import { parsePositiveCount, parseSize, parseWholeNumber } from "../volume-options.ts";
import type { AuditKeepOptions, AuditShowOptions, AuditVerifyOptions } from "../commands/fs-audit-commands.ts";
import { jsonOption, VOLUME_WORDS, type Finish } from "./fs-rows.ts";

export function auditCommand(finish: Finish): Command {
  const commands = () => import("../commands/fs-audit-commands.ts");
  const audit = new Command("audit")
    .summary("keep and verify a log of operations")
    .description(
      "Keeps a log of what is done to a volume, in the volume, whose blocks are chained by SHA-256 under a " +
        "Merkle root: what is changed in it afterwards shows.",
    )
    .usage("COMMAND");
  audit.addCommand(
    new Command("enable")
      .description(
        "Begins an audit log. From then on all changes are told in it, whoever makes them: commands, mounts, " +
          "machines. It cannot be ended.",
      )
      .summary("begin an audit log")
      .argument("<volume>", VOLUME_WORDS)
      .action(async (volume: string) => finish(await (await commands()).enableAuditCommand(volume))),
  );
  audit.addCommand(
    new Command("show")
      .description("Prints the log.")
      .summary("print the log")
      .argument("<volume>", VOLUME_WORDS)
      .addOption(new Option("--from <block>", "begin with this block").argParser(parseWholeNumber))
      .addOption(new Option("--last <n>", "only the last records").argParser(parseWholeNumber))
      .addOption(new Option("--json", "print JSON, one object to a line"))
      .action(async (volume: string, options: AuditShowOptions) =>
        finish(await (await commands()).showAuditCommand(volume, options)),
      ),
  );
  audit.addCommand(
    new Command("head")
      .description(
        "Prints the log's head, BLOCKS:HASH. Kept elsewhere, it proves later that everything up to it is unchanged.",
      )
      .summary("print the log's head")
      .argument("<volume>", VOLUME_WORDS)
      .action(async (volume: string) => finish(await (await commands()).auditHeadCommand(volume))),
  );
  audit.addCommand(
    new Command("retention")
      .description(
        "Says how much of the log a volume keeps, or shows it. What is older goes from then on; in its place " +
          "stays a hash that the rest proves, and that the log itself tells of.",
      )
      .summary("set or show how much of the log is kept")
      .argument("<volume>", VOLUME_WORDS)
      .addOption(new Option("-s, --size <size>", "about so much, at most").argParser(parseSize))
      .addOption(new Option("-d, --days <n>", "about so many days, at most").argParser(parsePositiveCount))
      .option("--forever", "all of it")
      .addOption(jsonOption())
      .action(async (volume: string, options: AuditKeepOptions) =>
        finish(await (await commands()).auditRetentionCommand(volume, options)),
      ),
  );
  audit.addCommand(
    new Command("verify")
      .description("Checks the log and names the blocks that were tampered with. Exit status 1 when some were.")
      .summary("check that the log is what was written")
      .argument("<volume>", VOLUME_WORDS)
      .addOption(
        new Option("--head <head>", "a head that was kept elsewhere (repeatable)")
          .argParser((text: string, before: readonly string[]) => [...before, text])
          .default([], "none"),
      )
      .addOption(jsonOption())
      .action(async (volume: string, options: AuditVerifyOptions) =>
        finish(await (await commands()).verifyAuditCommand(volume, options)),
      ),
  );
  return audit;
}
