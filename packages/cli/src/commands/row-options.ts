/** Options that several commands have. */
import { Option, type Command } from "commander";
import { DEFAULT_IMAGE } from "@stratos/images/defaults";
import { parseImageState } from "../option-values.ts";

export type { Finish } from "../command-files.ts";

export const jsonOption = (): Option => new Option("--json", "print JSON");
export const kdfOption = (): Option =>
  new Option("--kdf <name>", "how the passphrase makes a key (default: scrypt)").choices(["scrypt", "argon2id"]);
export const dryRunOption = (): Option => new Option("-n, --dry-run", "say what would be done, and do nothing");

/** Any argument that names a volume (packages/volumes/src/find-volume.ts). */
export const VOLUME_WORDS = "file or device, UUID=…, LABEL=…, or a path in a mounted volume";

export const PLACE_HELP =
  "\nA place is VOLUME:/PATH, or VOLUME@SNAPSHOT:/PATH for the files of a snapshot. Quote patterns: " +
  "'VOLUME:/dir/*.txt', '**' for any depth.";

export function imageOption(): Option {
  return new Option("-i, --image <name>", `image (default: ${DEFAULT_IMAGE}, or "image" in config.json)`).argParser(
    parseImageState,
  );
}

/** Options of what reads lists of packages. */
export function from(command: Command): Command {
  return command
    .addOption(imageOption())
    .option("--mirror <url>", "mirror of Debian to ask instead of the image's (default: $STRATOS_MIRROR)")
    .option(
      "--snapshot <time>",
      "sources as they were then, such as 20260101T000000Z (where: the archive's own word, $STRATOS_SNAPSHOTS, " +
        'or "snapshots" in config.json)',
    );
}
