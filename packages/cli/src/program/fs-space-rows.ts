/** Rows of `stratos fs` for how content is kept: properties, deduplication, defragmentation, tiers. */
import { Command, Option } from "commander";
import { parseCompression, parsePercentage } from "../volume-options.ts";
import type {
  DefragmentOptions,
  DedupeOptions,
  MigrateOptions,
  PropertyOptions,
  TierStatusOptions,
} from "../commands/fs-space-commands.ts";
import { dryRunOption, jsonOption, PLACE_HELP, VOLUME_WORDS, type Finish } from "./fs-rows.ts";

const commands = () => import("../commands/fs-space-commands.ts");

export function spaceCommands(finish: Finish): Command[] {
  const property = new Command("property")
    .description(
      "Shows or sets how the content of a file or folder is kept. What is made in a folder takes its properties. " +
        "They hold for content written from then on; `defrag` applies them to what is there.",
    )
    .summary("show and set compression, deduplication and tier")
    .argument("<place>", "file or folder of a volume: VOLUME:/PATH, or a path in a mounted volume")
    .addOption(
      new Option("--compress <codec>", "none, lz4, zstd, zstd:LEVEL; inherit: as the volume has it").argParser(
        (text) => (text === "inherit" ? null : parseCompression(text)),
      ),
    )
    .addOption(new Option("--dedupe <when>", "share content that was written before").choices(["on", "off", "inherit"]))
    .addOption(new Option("--tier <where>", "keep on fast or slow devices").choices(["fast", "slow", "any", "inherit"]))
    .option("-r, --recursive", "also everything below")
    .addOption(jsonOption())
    .addHelpText("after", PLACE_HELP)
    .action(async (place: string, options: PropertyOptions) =>
      finish(await (await commands()).propertyCommand(place, options)),
    );
  const dedupe = new Command("dedupe")
    .description(
      "Finds equal content in all files and snapshots, and lets it share its place. What has equal checksums is " +
        "compared byte by byte first.",
    )
    .summary("share equal content")
    .argument("<volume>", VOLUME_WORDS)
    .addOption(dryRunOption())
    .addOption(jsonOption())
    .action(async (volume: string, options: DedupeOptions) =>
      finish(await (await commands()).dedupeCommand(volume, options)),
    );
  const defrag = new Command("defrag")
    .description(
      "Writes files anew in long runs, with the properties that they have now: this is also how they are " +
        "compressed afterwards. What they share with snapshots they have for themselves then; files that share are " +
        "left out, unless --shared.",
    )
    .summary("write files anew, in few pieces")
    .argument("<place>", "file or folder of a volume: VOLUME:/PATH, or a path in a mounted volume")
    .option("-r, --recursive", "everything below a folder")
    .option("--shared", "also files that share content with snapshots or other files")
    .addOption(dryRunOption())
    .addOption(jsonOption())
    .addHelpText("after", PLACE_HELP)
    .action(async (place: string, options: DefragmentOptions) =>
      finish(await (await commands()).defragmentCommand(place, options)),
    );
  return [property, dedupe, defrag, tierCommand(finish)];
}

function tierCommand(finish: Finish): Command {
  const tier = new Command("tier")
    .summary("fast and slow devices")
    .description(
      "Keeps what is used much on fast devices, the rest on slow ones (`device add --slow`). A file's heat is " +
        "its mean number of accesses in a week, the last days counting most.",
    )
    .usage("COMMAND");
  tier.addCommand(
    new Command("status")
      .description("Shows how full the tiers are, and which files are hot.")
      .summary("show tiers and heat")
      .argument("<volume>", VOLUME_WORDS)
      .option("--all", "all files, not only the twenty hottest")
      .addOption(jsonOption())
      .action(async (volume: string, options: TierStatusOptions) =>
        finish(await (await commands()).tierStatusCommand(volume, options)),
      ),
  );
  tier.addCommand(
    new Command("pin")
      .description("Keeps a file or folder on a tier; `migrate` moves what is there.")
      .summary("keep files on a tier")
      .argument("<place>", "file or folder of a volume: VOLUME:/PATH, or a path in a mounted volume")
      .addArgument(new Command().createArgument("<tier>", "where to").choices(["fast", "slow", "any", "inherit"]))
      .option("-r, --recursive", "also everything below")
      .action(async (place: string, where: "fast" | "slow" | "any" | "inherit", options: { recursive?: true }) =>
        finish(await (await commands()).propertyCommand(place, { ...options, tier: where, quiet: true })),
      ),
  );
  tier.addCommand(
    new Command("migrate")
      .description(
        "Moves files to where they belong: pinned ones to their tier, then the hottest to the fast devices until " +
          "those are full enough.",
      )
      .summary("move files between tiers")
      .argument("<volume>", VOLUME_WORDS)
      .addOption(
        new Option("--fill <percent>", "fill the fast devices to so much (default: 80)").argParser(parsePercentage),
      )
      .addOption(dryRunOption())
      .addOption(jsonOption())
      .action(async (volume: string, options: MigrateOptions) =>
        finish(await (await commands()).migrateCommand(volume, options)),
      ),
  );
  return tier;
}
