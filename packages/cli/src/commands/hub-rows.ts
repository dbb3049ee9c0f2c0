/** Rows of `stratos hub` and `stratos worker`. */
import { Command, Option } from "commander";
import { parseListen } from "../option-values.ts";
import type { HubServeOptions } from "./hub-serve-command.ts";
import { kerberosOptions } from "./hub-kerberos-options.ts";
import { profileOptions } from "./hub-profile-options.ts";
import { oidcOptions } from "./hub-oidc-options.ts";
import {
  databaseOptions,
  hubOptions,
  parseCount,
  parseMebibytes,
  parseNetwork,
  parseSecondsTo,
  repeatable,
} from "./hub-options.ts";
import type { WorkerCommandOptions } from "./worker-command.ts";
import { RATE_LIMIT_DEFAULT } from "@stratos/hub/settings";
import { tlsOptions } from "../tls-options.ts";
import { addCommands, type CommandFile, type Finish, type Wanted } from "../command-files.ts";

const FILES: readonly CommandFile[] = [
  { names: ["task"], load: async (finish) => (await import("./hub-task.ts")).taskCommand(finish) },
  {
    names: ["build", "rebuild", "package", "repository", "artefact"],
    load: async (finish) => (await import("./hub-package.ts")).hubPackageCommands(finish),
  },
  {
    names: ["login", "logout", "host", "channel", "token", "event", "status", "fsck", "backup", "restore", "migrate"],
    load: async (finish) => (await import("./hub-admin.ts")).hubAdminCommands(finish),
  },
  {
    names: ["role", "grant", "policy"],
    load: async (finish) => (await import("./hub-access.ts")).hubAccessCommands(finish),
  },
  { names: ["webhook"], load: async (finish) => (await import("./hub-webhook.ts")).webhookCommand(finish) },
  {
    names: ["alert", "compliance"],
    load: async (finish) => (await import("./hub-audit.ts")).hubAuditCommands(finish),
  },
  { names: ["audit"], load: async (finish) => (await import("./hub-audit-chain.ts")).auditCommand(finish) },
  {
    names: ["template"],
    load: async (finish) => (await import("./hub-template.ts")).templateCommand(finish),
  },
  {
    names: ["trigger", "secret"],
    load: async (finish) => (await import("./hub-trigger.ts")).hubTriggerCommands(finish),
  },
  { names: ["limit"], load: async (finish) => (await import("./hub-limit.ts")).limitCommand(finish) },
  { names: ["logs"], load: async (finish) => (await import("./hub-logs.ts")).logsCommand(finish) },
  { names: ["profile"], load: async (finish) => (await import("./hub-profile.ts")).profileCommand(finish) },
  { names: ["plugin"], load: async (finish) => (await import("./hub-plugin.ts")).pluginCommand(finish) },
  { names: ["settings"], load: async (finish) => (await import("./hub-settings.ts")).settingsCommand(finish) },
  { names: ["scale"], load: async (finish) => (await import("./hub-scale.ts")).scaleCommand(finish) },
  { names: ["ca"], load: async (finish) => (await import("./hub-ca.ts")).caCommand(finish) },
];

function seconds(flags: string, words: string, value: number, shown: string): Option {
  return new Option(flags, words).argParser(parseSecondsTo(86_400, "a day")).default(value, shown);
}

export async function hubCommand(finish: Finish, wanted: Wanted): Promise<Command> {
  const hub = new Command("hub")
    .enablePositionalOptions()
    .summary("serve a build hub, or use one")
    .description(
      "Serves a hub: tasks, hosts, artefacts and their audit over HTTP. Prints its address when it is ready, and " +
        "the administrator's key when its database is new; ends with SIGINT or SIGTERM. Without --database it needs " +
        "nothing: PostgreSQL runs inside. With a subcommand: a client of a hub.",
    )
    .usage("[OPTIONS] [COMMAND]")
    .addOption(
      new Option("-l, --listen <address>", "HOST:PORT, or PORT; port 0 is any that is free")
        .argParser(parseListen)
        .default({ host: "127.0.0.1", port: 7470 }, "127.0.0.1:7470"),
    );
  kerberosOptions(oidcOptions(databaseOptions(hub)))
    .option(
      "--artefacts <place>",
      "where artefacts are kept: a folder, or s3://BUCKET/PREFIX (default: blobs in the state folder)",
    )
    .option("--s3-endpoint <url>", "of S3-compatible storage that is not Amazon's (default: $AWS_ENDPOINT_URL)")
    .option("--s3-region <region>", "default: $AWS_REGION, else us-east-1")
    .option("--s3-encryption <how>", "the storage is to encrypt what it keeps: AES256, aws:kms or aws:kms:KEY")
    .option("--s3-redirect", "send readers to the storage itself, by addresses that are good for ten minutes")
    .option(
      "--token-file <file>",
      "write the administrator's key of a new database to this file, rather than to stderr",
    )
    .option(
      "--console-key-file <file>",
      "the key of a console that stands before this hub (`serve --hub URL`); made when it is not there",
    )
    .addOption(
      new Option("--worker-certificates <how>", "whether workers need a certificate (`hub ca enrol`), or a key will do")
        .choices(["allow", "require"])
        .default("allow"),
    )
    .addOption(
      new Option("--worker-certificate-life <time>", "how long one is good; workers renew theirs after two thirds")
        .argParser(parseSecondsTo(3_650 * 86_400, "ten years"))
        .default(2_592_000, "30d"),
    )
    .option("--failure-rules <file>", "rules of one's own for why builds fail, in YAML (`hub logs`)")
    .option("--plugins <folder>", "load the plugins in this folder: NAME.mjs, with settings in NAME.json")
    .addOption(
      new Option("--lease <time>", "a host that is silent for so long loses its runs")
        .argParser(parseSecondsTo(86_400, "a day"))
        .default(60, "60s"),
    )
    .addOption(
      new Option("--pool <n>", "connections to a database server (default: 10)").argParser(parseCount(2, 1_000)),
    )
    .addOption(seconds("--keep-alive <time>", "idle connections are kept for so long", 75, "75s"))
    .addOption(seconds("--request-timeout <time>", "a request with its body has come within it", 300, "5m"))
    .addOption(seconds("--headers-timeout <time>", "a request's headers have come within it", 60, "60s"))
    .addOption(
      new Option(
        "--rate-limit <n>",
        "requests a second of one key from one address, and of one address without a key, after a burst of ten " +
          "times as many; 429 beyond; 0: no limit",
      )
        .argParser(parseCount(0, 1_000_000))
        .default(RATE_LIMIT_DEFAULT),
    )
    .addOption(
      repeatable(
        "--trusted-proxy <address>",
        "what asks from this address or network is a proxy, whose X-Forwarded-For, -Proto and -Host count",
      ).argParser((text: string, before: readonly string[]) => [...before, parseNetwork(text)]),
    )
    .addOption(
      new Option("--slow-query <ms>", "tell statements that take longer (default: 1000)").argParser(parseCount(1)),
    );
  for (const option of tlsOptions()) hub.addOption(option);
  profileOptions(hub)
    .allowExcessArguments(false)
    .action(async (options: HubServeOptions) =>
      finish(await (await import("./hub-serve-command.ts")).serveHub(options)),
    );
  await addCommands(hub, FILES, finish, wanted);
  return hub;
}

export function workerCommand(finish: Finish): Command {
  const worker = hubOptions(new Command("worker"))
    .summary("run tasks of a hub on this host")
    .description(
      "Registers this host at a hub and runs its tasks until SIGINT or SIGTERM; what runs then is given back. " +
        "Survives restarts of the hub and lost networks, and stops a run before its lease ends.",
    )
    .option("--name <host>", "the host's name at the hub (default: this host's)")
    .addOption(
      new Option("--capacity <n>", "units of work at once").argParser(parseCount(1, 1_000_000)).default(1, "1"),
    )
    .addOption(repeatable("--arch <arch>", "architectures; default: this host's"))
    .addOption(repeatable("--channel <name>", "channels; default: default"))
    .addOption(repeatable("--capability <word>", "what tasks may ask for"))
    .option(
      "--enrol-file <file>",
      "a file with the token of `hub ca enrol`, by which this host gets its certificate; needed once",
    )
    .addOption(
      new Option("--cache <size>", "sources of builds that are kept: 4G, or a number of MiB; 0: none")
        .argParser(parseMebibytes(0, 100_000_000))
        .default(4_096, "4G"),
    )
    .option("--folder <folder>", "where runs have their folders (default: worker/NAME in $STRATOS_HOME)");
  return profileOptions(worker)
    .allowExcessArguments(false)
    .action(async (options: WorkerCommandOptions) =>
      finish(await (await import("./worker-command.ts")).runWorker(options)),
    );
}
