/** Rows of `stratos fs` for integrity, devices and keys. */
import { Command, Option } from "commander";
import { collect } from "../option-values.ts";
import { parseCopies, parseSize, parseWholeNumber } from "../volume-options.ts";
import type { DeviceListOptions } from "./fs-device-list-command.ts";
import type { DeviceOptions, HealthOptions, ScrubOptions } from "./fs-integrity-commands.ts";
import type { KeyOptions, RotateOptions } from "./fs-key-commands.ts";
import { dryRunOption, jsonOption, kdfOption, VOLUME_WORDS, type Finish } from "./row-options.ts";

const commands = () => import("./fs-integrity-commands.ts");
const keys = () => import("./fs-key-commands.ts");

export function integrityCommands(finish: Finish): Command[] {
  const scrub = new Command("scrub")
    .description(
      "Reads and verifies every copy of everything, and repairs what another copy can repair. An interrupt " +
        "(Ctrl-C) pauses it, and the next run goes on. Exit status 1 when content is lost.",
    )
    .summary("verify and repair all copies")
    .argument("<volume>", VOLUME_WORDS)
    .addOption(new Option("--rate <size>", "at most so many bytes per second: 50M").argParser(parseSize))
    .addOption(new Option("--limit <size>", "pause after so many bytes").argParser(parseSize))
    .option("--status", "show the paused and the last scrub, and stop")
    .option("--cancel", "forget the paused scrub")
    .addOption(jsonOption())
    .action(async (volume: string, options: ScrubOptions) =>
      finish(await (await commands()).scrubCommand(volume, options)),
    );
  const health = new Command("health")
    .description(
      "Shows the state of a volume and the error counters of its devices. Exit status 1 when it is degraded or " +
        "damaged.",
    )
    .summary("show the state of devices")
    .argument("<volume>", VOLUME_WORDS)
    .option("--reset", "begin to count errors anew")
    .addOption(jsonOption())
    .action(async (volume: string, options: HealthOptions) =>
      finish(await (await commands()).healthCommand(volume, options)),
    );
  return [scrub, health, deviceCommand(finish), keyCommand(finish)];
}

function deviceCommand(finish: Finish): Command {
  const device = new Command("device")
    .summary("list, add, remove and replace devices")
    .description(
      "Lists volumes by their devices, and adds, removes and replaces them. `health` shows their numbers and paths.",
    )
    .usage("COMMAND");
  device.addCommand(
    new Command("list")
      .alias("ls")
      .description(
        "Lists the volumes of this host with their UUIDs, labels and devices: those on block devices, those in " +
          "files that this program has made, mounted or changed, and those in the files of --dir. Each command " +
          "takes UUID=… or LABEL=…, or one device of several, for them.",
      )
      .summary("list volumes and their devices")
      .argument("[volume...]", `only these: ${VOLUME_WORDS}`)
      .addOption(
        new Option("--dir <folder>", "look at the files of this folder, too (repeatable)")
          .argParser(collect)
          .default([], "none"),
      )
      .addOption(jsonOption())
      .action(async (volumes: string[], options: DeviceListOptions) =>
        finish(await (await import("./fs-device-list-command.ts")).listDevicesCommand(volumes, options)),
      ),
  );
  const force = (): Option => new Option("-f, --force", "also when something is on the new device, which is lost");
  device.addCommand(
    new Command("add")
      .description("Takes a further device into a volume.")
      .summary("add a device")
      .argument("<volume>", VOLUME_WORDS)
      .argument("<device>", "the new one")
      .option("--slow", "it is of the slow class")
      .option("--spare", "leave it unused until `device copies` or `device remove` needs it")
      .addOption(force())
      .action(async (volume: string, added: string, options: DeviceOptions) =>
        finish(await (await commands()).addDeviceCommand(volume, added, options)),
      ),
  );
  device.addCommand(
    new Command("remove")
      .description("Moves what a device holds to the others, or to a spare one, and lets it go.")
      .summary("remove a device")
      .argument("<volume>", VOLUME_WORDS)
      .argument("<device>", "its number or its path, as `health` shows them")
      .addOption(dryRunOption())
      .action(async (volume: string, which: string, options: DeviceOptions) =>
        finish(await (await commands()).removeDeviceCommand(volume, which, options)),
      ),
  );
  device.addCommand(
    new Command("replace")
      .description("Puts a new device in the place of another one, which may be missing when there are copies.")
      .summary("replace a device")
      .argument("<volume>", VOLUME_WORDS)
      .argument(
        "<device>",
        "number or path of the one to be replaced, as `health` shows them; the number of one that is missing",
      )
      .argument("<new>", "the one for it")
      .addOption(force())
      .action(async (volume: string, which: string, added: string, options: DeviceOptions) =>
        finish(await (await commands()).replaceDeviceCommand(volume, which, added, options)),
      ),
  );
  device.addCommand(
    new Command("copies")
      .description(
        "Changes how many copies are kept of everything. Fewer: the space of all devices but spares is used. " +
          "More: the copies come on devices that hold nothing (`device add --spare`), or on a single device side by " +
          "side. A volume of one device becomes as small as the smallest that has its copies.",
      )
      .summary("set the number of copies")
      .argument("<volume>", VOLUME_WORDS)
      .argument("<n>", "1, 2 or 3", parseCopies)
      .action(async (volume: string, copies: number) =>
        finish(await (await commands()).setCopiesCommand(volume, copies)),
      ),
  );
  return device;
}

function keyCommand(finish: Finish): Command {
  const key = new Command("key")
    .summary("manage passphrases of an encrypted volume")
    .description(
      "Manages the passphrases of an encrypted volume. The present one is asked for, or read from the file that " +
        "STRATOS_PASSPHRASE_FILE names; the server of a mounted volume has the key, and needs it for change and " +
        "rotate alone. Of several devices each has its slots; a passphrase has the same on all.",
    )
    .usage("COMMAND");
  const newFile = (): Option =>
    new Option("--new-file <file>", "take the new passphrase from the first line of this file");
  key.addCommand(
    new Command("list")
      .description("Lists the key slots in use; no passphrase is needed.")
      .summary("list key slots")
      .argument("<volume>", VOLUME_WORDS)
      .addOption(jsonOption())
      .action(async (volume: string, options: { json?: true }) =>
        finish(await (await keys()).listKeys(volume, options)),
      ),
  );
  key.addCommand(
    new Command("add")
      .description("Adds a passphrase: each opens the volume.")
      .summary("add a passphrase")
      .argument("<volume>", VOLUME_WORDS)
      .addOption(newFile())
      .addOption(kdfOption())
      .action(async (volume: string, options: KeyOptions) => finish(await (await keys()).addKey(volume, options))),
  );
  key.addCommand(
    new Command("change")
      .description("Puts a new passphrase in the place of the present one, which opens nothing any more.")
      .summary("change a passphrase")
      .argument("<volume>", VOLUME_WORDS)
      .addOption(newFile())
      .addOption(kdfOption())
      .action(async (volume: string, options: KeyOptions) => finish(await (await keys()).changeKey(volume, options))),
  );
  key.addCommand(
    new Command("remove")
      .description("Empties a key slot: its passphrase opens nothing any more.")
      .summary("remove a passphrase")
      .argument("<volume>", VOLUME_WORDS)
      .argument("<slot>", "number of the slot", parseWholeNumber)
      .action(async (volume: string, slot: number) => finish(await (await keys()).removeKey(volume, slot))),
  );
  key.addCommand(
    new Command("rotate")
      .description(
        "Makes a new key for what is written from now on; other passphrases than the one given open nothing any " +
          "more. With --reseal, what lies there is sealed with it too, and the old key is forgotten.",
      )
      .summary("change the key")
      .argument("<volume>", VOLUME_WORDS)
      .option("--reseal", "seal what lies there with the new key")
      .addOption(kdfOption())
      .addOption(jsonOption())
      .action(async (volume: string, options: RotateOptions) =>
        finish(await (await keys()).rotateKey(volume, options)),
      ),
  );
  key.addCommand(
    new Command("reseal")
      .description(
        "Seals what older keys sealed with the newest one, and forgets those. May be interrupted, also by a " +
          "crash, and goes on where it was.",
      )
      .summary("seal all content with the newest key")
      .argument("<volume>", VOLUME_WORDS)
      .addOption(jsonOption())
      .action(async (volume: string, options: { json?: true }) =>
        finish(await (await keys()).resealKey(volume, options)),
      ),
  );
  return key;
}
