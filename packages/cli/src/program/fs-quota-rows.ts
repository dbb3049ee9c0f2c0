/** Rows of `stratos fs quota`. */
import { Argument, Command, Option } from "commander";
import { parseSize, parseWholeNumber } from "../volume-options.ts";
import type { QuotaSetOptions } from "../commands/fs-quota-commands.ts";
import { jsonOption, VOLUME_WORDS, type Finish } from "./fs-rows.ts";

export function quotaCommand(finish: Finish): Command {
  const commands = () => import("../commands/fs-quota-commands.ts");
  const quota = new Command("quota")
    .summary("limit what users, groups and projects own")
    .description(
      "Counts what users, groups and projects own in a volume, and limits it. A project is a number that folders " +
        "have; what is made in them belongs to it.",
    )
    .usage("COMMAND");
  quota.addCommand(
    new Command("on")
      .description("Counts what is there, and from then on.")
      .summary("count what is owned")
      .argument("<volume>", VOLUME_WORDS)
      .action(async (volume: string) => finish(await (await commands()).switchQuotasCommand(volume, true))),
  );
  quota.addCommand(
    new Command("off")
      .description("Stops counting, and forgets all limits.")
      .summary("stop counting")
      .argument("<volume>", VOLUME_WORDS)
      .action(async (volume: string) => finish(await (await commands()).switchQuotasCommand(volume, false))),
  );
  quota.addCommand(
    new Command("set")
      .description(
        "Sets limits of one owner; those that are not given stay. 0 takes a limit away. A soft limit may be " +
          "passed for a week.",
      )
      .summary("set limits")
      .argument("<volume>", VOLUME_WORDS)
      .addOption(new Option("--user <user>", "of a user: name, as this host knows it, or number"))
      .addOption(new Option("--group <group>", "of a group: name or number"))
      .addOption(new Option("--project <number>", "of a project").argParser(parseWholeNumber))
      .addOption(new Option("--size <size>", "hard limit of content: 512M, 20G").argParser(parseSize))
      .addOption(new Option("--soft-size <size>", "soft limit of content").argParser(parseSize))
      .addOption(new Option("--inodes <n>", "hard limit of files and folders").argParser(parseWholeNumber))
      .addOption(new Option("--soft-inodes <n>", "soft limit of files and folders").argParser(parseWholeNumber))
      .action(async (volume: string, options: QuotaSetOptions) =>
        finish(await (await commands()).setQuotaCommand(volume, options)),
      ),
  );
  quota.addCommand(
    new Command("project")
      .description("Gives a folder and all that is in it to a project; 0 to none.")
      .summary("give a folder to a project")
      .argument("<place>", "VOLUME:/PATH")
      .addArgument(new Argument("<number>", "of the project").argParser(parseWholeNumber))
      .action(async (place: string, number: number) =>
        finish(await (await commands()).quotaProjectCommand(place, number)),
      ),
  );
  quota.addCommand(
    new Command("report")
      .alias("show")
      .description("Lists who owns how much, and the limits.")
      .summary("list usage and limits")
      .argument("<volume>", VOLUME_WORDS)
      .addOption(jsonOption())
      .action(async (volume: string, options: { json?: true }) =>
        finish(await (await commands()).quotaReportCommand(volume, options)),
      ),
  );
  return quota;
}
