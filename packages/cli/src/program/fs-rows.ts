/** What rows of `stratos fs` have in common. */
import { Option } from "commander";

/** Receives the exit status of the command that ran. */
export type Finish = (status: number) => void;

export const jsonOption = (): Option => new Option("--json", "print JSON");
export const kdfOption = (): Option =>
  new Option("--kdf <name>", "how the passphrase makes a key (default: scrypt)").choices(["scrypt", "argon2id"]);
export const dryRunOption = (): Option => new Option("-n, --dry-run", "say what would be done, and do nothing");

/** Any argument that names a volume (../fs/find-volume.ts). */
export const VOLUME_WORDS = "file or device, UUID=…, LABEL=…, or a path in a mounted volume";

export const PLACE_HELP =
  "\nA place is VOLUME:/PATH, or VOLUME@SNAPSHOT:/PATH for the files of a snapshot. Quote patterns: " +
  "'VOLUME:/dir/*.txt', '**' for any depth.";
