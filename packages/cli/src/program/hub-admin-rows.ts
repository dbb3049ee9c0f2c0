/** Rows of `stratos hub` for those who run one. */
import { Command, Option } from "commander";
import type { HubOptions } from "../hub/hub-login.ts";
import type { ChannelOptions, TokenOptions } from "../commands/hub-admin-commands.ts";
import type { HubPlaceOptions } from "../commands/hub-serve-command.ts";
import { databaseOptions, noun, parseCount, parseSeconds, repeatable, row } from "./hub-options.ts";
import { eventCommand } from "./hub-task-rows.ts";
import { jsonOption, type Finish } from "./fs-rows.ts";

const commands = () => import("../commands/hub-admin-commands.ts");
interface Common extends HubOptions {
  readonly json?: true;
}

export function hubAdminCommands(finish: Finish): Command[] {
  return [
    row(
      "login",
      "keep a key for a hub",
      "Reads a key from stdin, or from --token-file, tries it, and keeps it for this user, in a file that nobody " +
        "else may read.",
    )
      .addOption(jsonOption())
      .action(async (options: Common) => finish(await (await commands()).loginHub(options))),
    row("logout", "forget the key for a hub", "Forgets the key that `hub login` kept.").action(
      async (options: HubOptions) => finish(await (await commands()).logoutHub(options)),
    ),
    hostCommand(finish),
    channelCommand(finish),
    tokenCommand(finish),
    eventCommand(finish),
    row("status", "show a hub and its queue", "Shows a hub, who leads, and its queue by channel.")
      .addOption(jsonOption())
      .action(async (options: Common) => finish(await (await commands()).hubStatus(options))),
    row(
      "fsck",
      "check a hub's database",
      "Checks what must hold between rows, and the chain of events. Status 1 when something is wrong.",
    )
      .addOption(jsonOption())
      .action(async (options: Common) => finish(await (await commands()).fsckHub(options))),
    row(
      "backup",
      "write a backup while the hub works",
      "Writes all rows of one moment to a file, while the hub works. Artefacts are files: copy the state folder's " +
        "`blobs` after it.",
    )
      .argument("<file>", "a new file; - for stdout")
      .action(async (file: string, options: HubOptions) => finish(await (await commands()).backupHub(file, options))),
    databaseOptions(new Command("restore"))
      .summary("bring a backup into an empty database")
      .description(
        "Brings a backup into the empty database of a hub that does not run; `stratos hub` with the same options " +
          "goes on from there.",
      )
      .argument("<file>", "what `hub backup` wrote; - for stdin")
      .addOption(jsonOption())
      .action(async (file: string, options: HubPlaceOptions & { json?: true }) =>
        finish(await (await commands()).restoreHub(file, options)),
      ),
    databaseOptions(new Command("migrate"))
      .summary("move a hub to another database")
      .description(
        "Copies all rows of a hub that does not run into another, empty database, and counts them on both sides.",
      )
      .requiredOption("--to <place>", "a folder, or postgres://USER@HOST/NAME")
      .addOption(jsonOption())
      .action(async (options: HubPlaceOptions & { to: string; json?: true }) =>
        finish(await (await commands()).migrateHub(options)),
      ),
  ];
}

function hostCommand(finish: Finish): Command {
  const host = noun("host", "list, drain and forget hosts");
  host.addCommand(
    row("ls", "list hosts", "Lists hosts, and how much of them is used.")
      .addOption(jsonOption())
      .action(async (options: Common) => finish(await (await commands()).listHosts(options))),
  );
  host.addCommand(
    row("resume", "let hosts take tasks again", "Lets hosts take tasks again.")
      .alias("enable")
      .argument("<host...>", "their names")
      .action(async (names: string[], options: HubOptions) =>
        finish(await (await commands()).enableHosts(names, true, options)),
      ),
  );
  host.addCommand(
    row("drain", "let hosts take no more tasks", "Lets hosts take no more tasks; what they run they finish.")
      .alias("disable")
      .argument("<host...>", "their names")
      .action(async (names: string[], options: HubOptions) =>
        finish(await (await commands()).enableHosts(names, false, options)),
      ),
  );
  host.addCommand(
    row("rm", "forget hosts", "Forgets hosts that have no runs.")
      .argument("<host...>", "their names")
      .action(async (names: string[], options: HubOptions) =>
        finish(await (await commands()).removeHosts(names, options)),
      ),
  );
  return host;
}

function channelCommand(finish: Finish): Command {
  const channel = noun("channel", "list, make and remove channels");
  channel.addCommand(
    row("ls", "list channels", "Lists channels.")
      .addOption(jsonOption())
      .action(async (options: Common) => finish(await (await commands()).listChannels(options))),
  );
  channel.addCommand(
    row("set", "make or change a channel", "Makes a channel, or changes one; what is not said becomes the default.")
      .argument("<name>", "its name")
      .addOption(
        new Option(
          "--policy <policy>",
          "in which order its tasks are taken: as they came, by priority, or by priority and a fair share for each " +
            "owner",
        ).choices(["fifo", "priority", "fair"]),
      )
      .option("--description <text>", "what it is for")
      .addOption(
        new Option("--keep <days>", "remove tasks so long after their end (default: never)").argParser(
          parseCount(1, 36_500),
        ),
      )
      .addOption(
        new Option("--max-queued <n>", "refuse submissions beyond so many open tasks").argParser(parseCount(0)),
      )
      .addOption(new Option("--max-running <n>", "run so many at once").argParser(parseCount(0)))
      .addOption(repeatable("--inherit <channel>", "its builds may use the packages of this channel, too"))
      .addOption(jsonOption())
      .action(async (name: string, options: ChannelOptions) =>
        finish(await (await commands()).setChannel(name, options)),
      ),
  );
  channel.addCommand(
    row("rm", "remove a channel", "Removes a channel without open tasks.")
      .argument("<name>", "its name")
      .action(async (name: string, options: HubOptions) =>
        finish(await (await commands()).removeChannel(name, options)),
      ),
  );
  return channel;
}

function tokenCommand(finish: Finish): Command {
  const token = noun("token", "list, make and revoke keys");
  token.addCommand(
    row("ls", "list keys", "Lists keys, without what they are.")
      .addOption(jsonOption())
      .action(async (options: Common) => finish(await (await commands()).listTokens(options))),
  );
  token.addCommand(
    row("create", "make a key", "Makes a key for somebody, and prints it this once.")
      .argument("<principal>", "whose it is")
      .addOption(
        repeatable(
          "--role <role>",
          "also give its owner this role: viewer, submitter, worker, operator, auditor, admin",
        ),
      )
      .addOption(
        repeatable(
          "--scope <permission>",
          "what the key may do of what its owner may, such as task:submit:main; default: all",
        ),
      )
      .addOption(
        new Option("--expires <time>", "good for so long (default: until it is revoked): 12h, 90d").argParser(
          parseSeconds,
        ),
      )
      .option("--note <text>", "what it is for")
      .addOption(jsonOption())
      .action(async (principal: string, options: TokenOptions) =>
        finish(await (await commands()).createToken(principal, options)),
      ),
  );
  token.addCommand(
    row("revoke", "revoke keys", "Revokes keys.")
      .argument("<key...>", "their ids")
      .action(async (ids: string[], options: HubOptions) =>
        finish(await (await commands()).revokeTokens(ids, options)),
      ),
  );
  return token;
}
