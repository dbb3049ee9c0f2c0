/** `stratos hub trigger|secret`. */
import { Option, type Command } from "commander";
import {
  FORGES,
  type HubClient,
  type TriggerDeliveryView,
  type TriggerOutcome,
  type TriggerTask,
  type TriggerTemplate,
  type TriggerView,
} from "@stratos/hub-api";
import { UsageError } from "../command-error.ts";
import { withHub, type HubOptions } from "../hub/hub-client.ts";
import { listOf, printJson, type Listing } from "../hub/hub-listing.ts";
import { readValues } from "./hub-template.ts";
import { noun, parseCount, parseSeconds, repeatable, row } from "./hub-options.ts";
import { given, readPayload } from "./hub-task.ts";
import { jsonOption, type Finish } from "./row-options.ts";

interface TriggerOptions extends Listing {
  readonly forge: TriggerView["forge"];
  readonly secret?: string;
  readonly url?: string;
  readonly every?: number;
  readonly repository?: string;
  readonly branch: readonly string[];
  readonly tag: readonly string[];
  readonly path: readonly string[];
  readonly statusSecret?: string;
  readonly statusApi?: string;
  readonly statusContext?: string;
  readonly template?: string;
  readonly templateVersion?: number;
  readonly value: readonly string[];
  readonly kind?: string;
  readonly payload?: string;
  readonly arch?: string;
  readonly channel?: string;
  readonly label?: string;
}
interface TestOptions extends Listing {
  readonly commit: string;
  readonly repository?: string;
  readonly clone?: string;
  readonly path: readonly string[];
}

export function hubTriggerCommands(finish: Finish): Command[] {
  return [triggerCommand(finish), secretCommand(finish)];
}

function triggerCommand(finish: Finish): Command {
  const trigger = noun("trigger", "have pushes to repositories start tasks");
  trigger.addCommand(
    row("ls", "list triggers", "Lists triggers, and what went wrong when a repository was looked at last.")
      .addOption(jsonOption())
      .action(async (options: Listing) => finish(await listTriggers(options))),
  );
  trigger.addCommand(
    row(
      "set",
      "make or change a trigger",
      "Makes a trigger, or changes one. A forge delivers its webhooks (of pushes, as JSON) to HUB/hooks/TRIGGER. The " +
        "task is a command, another kind with --payload, or by default the build of what was pushed. In its texts " +
        "{{commit}}, {{ref}}, {{name}} (of the branch or tag), {{repository}} and {{clone}} are what was pushed.",
    )
      .usage("[OPTIONS] TRIGGER [-- CMD [ARG…]]")
      .argument("<trigger>", "its name")
      .argument("[cmd]", "program that a worker runs")
      .argument("[arg...]", "its arguments")
      .addOption(
        new Option("--forge <forge>", "who tells of pushes; git: nobody, and --url is looked at")
          .choices(FORGES)
          .makeOptionMandatory(),
      )
      .option("--secret <name>", "of `hub secret`: what webhooks are signed with; for git, a password or token")
      .option("--url <url>", "for git: a repository, by http or https")
      .option("--every <time>", "for git: how often it is looked at (default: 5m)", parseSeconds)
      .option("--repository <name>", "pushes to this one alone, such as me/tool")
      .addOption(repeatable("--branch <pattern>", "pushes to such branches; * is any text without /, ** any text"))
      .addOption(repeatable("--tag <pattern>", "such tags"))
      .addOption(repeatable("--path <pattern>", "only if such a file has changed"))
      .option(
        "--status-secret <name>",
        "of `hub secret`: a token by which the forge is told what becomes of the commit",
      )
      .option("--status-api <url>", "root of the forge's API (default: GitHub's)")
      .option("--status-context <text>", "as what it stands beside the commit (default: stratos)")
      .option("--template <template>", "rather than one task, the tasks of this template (`hub template`)")
      .option("--template-version <n>", "which version (default: the last, at each push)", parseCount(1))
      .addOption(
        new Option(
          "--value <name=value>",
          "of a parameter of the template, such as source={{clone}}#{{commit}} (repeatable)",
        )
          .argParser((text: string, before: readonly string[]) => [...before, text])
          .default([], "none"),
      )
      .option("--kind <kind>", "of the task, with --payload")
      .option("--payload <json>", "what it is to do, as a JSON object; @FILE reads a file")
      .option("--arch <arch>", "architecture of its hosts")
      .option("--channel <channel>", "its queue")
      .option("--label <text>", "what people call it (default: {{repository}} {{name}})")
      .addOption(jsonOption())
      .action(async (name: string, program: string | undefined, args: string[], options: TriggerOptions) =>
        finish(await setTrigger(name, program === undefined ? [] : [program, ...args], options)),
      ),
  );
  trigger.addCommand(
    row("rm", "remove triggers", "Removes triggers, and what is known of their deliveries.")
      .argument("<trigger...>", "their names")
      .action(async (names: readonly string[], options: HubOptions) =>
        finish(await removeAll("triggers", names, options)),
      ),
  );
  trigger.addCommand(
    row("test", "show what a push would start", "Shows the task that a push would start; ends with 1 when it is none.")
      .argument("<trigger>", "its name")
      .argument("<ref>", "such as refs/heads/main")
      .option("--commit <hash>", "that was pushed", "0".repeat(39) + "1")
      .option("--repository <name>", "to which (default: the trigger's)")
      .option("--clone <url>", "by which it is cloned (default: the trigger's)")
      .addOption(repeatable("--path <file>", "a file that has changed"))
      .addOption(jsonOption())
      .action(async (name: string, ref: string, options: TestOptions) => finish(await testTrigger(name, ref, options))),
  );
  trigger.addCommand(
    row("deliveries", "list what was pushed", "Lists the last hundred pushes: the task of each, or why there is none.")
      .argument("<trigger>", "its name")
      .addOption(jsonOption())
      .action(async (name: string, options: Listing) => finish(await listDeliveries(name, options))),
  );
  return trigger;
}

function secretCommand(finish: Finish): Command {
  const secret = noun("secret", "set and remove secrets that triggers name");
  secret.addCommand(
    row("ls", "list secrets", "Lists names of secrets, and who set them; the hub tells nobody what they are.")
      .addOption(jsonOption())
      .action(async (options: Listing) => finish(await listSecrets(options))),
  );
  secret.addCommand(
    row("set", "set a secret", "Sets a secret to what it reads from stdin, without the newline at its end.")
      .argument("<secret>", "its name")
      .action(async (name: string, options: HubOptions) => finish(await setSecret(name, options))),
  );
  secret.addCommand(
    row("rm", "remove secrets", "Removes secrets that no trigger uses.")
      .argument("<secret...>", "their names")
      .action(async (names: readonly string[], options: HubOptions) =>
        finish(await removeAll("secrets", names, options)),
      ),
  );
  return secret;
}

function listTriggers(options: Listing): Promise<number> {
  return listOf<TriggerView & { readonly fault: string | null }>("/triggers", options, {
    TRIGGER: ({ name }) => name,
    FORGE: ({ forge }) => forge,
    REPOSITORY: ({ repository, url }) => repository ?? url ?? "any",
    WHEN: ({ branches, tags, paths }) =>
      [
        ...branches.map((pattern) => `branch ${pattern}`),
        ...tags.map((pattern) => `tag ${pattern}`),
        ...paths.map((pattern) => `path ${pattern}`),
      ].join(", ") || "any branch",
    TASK: ({ task, template }) =>
      task === undefined ? `template ${template!.name}` : `${task.kind} in ${task.channel ?? "default"}`,
    FAULT: ({ fault }) => fault ?? "",
  });
}

function setTrigger(name: string, command: readonly string[], options: TriggerOptions): Promise<number> {
  const { forge, branch, tag, path, statusSecret, statusApi, statusContext } = options;
  if (statusSecret === undefined && (statusApi ?? statusContext) !== undefined)
    throw new UsageError("--status-secret", "is missing: without a token no forge is told anything");
  if (options.template === undefined && (options.templateVersion !== undefined || options.value.length > 0))
    throw new UsageError("--template", "is missing: whose version or values these are");
  const rule = {
    ...{ forge, branches: branch, tags: tag, paths: path },
    ...given("secret", options.secret),
    ...given("url", options.url),
    ...given("everySeconds", options.every),
    ...given("repository", options.repository),
    ...(statusSecret === undefined
      ? {}
      : { status: { secret: statusSecret, ...given("api", statusApi), ...given("context", statusContext) } }),
  };
  return withHub(options, async (client) => {
    const started =
      options.template === undefined
        ? { task: taskOf(command, options) }
        : { template: await templateOf(client, options.template, command, options) };
    const made = await client.call<TriggerView>("PUT", `/triggers/${encodeURIComponent(name)}`, {
      ...rule,
      ...started,
    });
    if (options.json === true) printJson(made);
    else if (forge !== "git")
      process.stdout.write(`${client.url.replace(/\/+$/, "")}/hooks/${encodeURIComponent(name)}\n`);
  });
}

async function templateOf(
  client: HubClient,
  name: string,
  command: readonly string[],
  { templateVersion: version, value, kind, payload, arch, channel, label }: TriggerOptions,
): Promise<Omit<TriggerTemplate, "channels">> {
  if (command.length > 0 || (kind ?? payload ?? arch ?? channel ?? label) !== undefined)
    throw new UsageError("--template", "is instead of a command, --kind, --payload, --arch, --channel and --label");
  return { name, ...given("version", version), values: await readValues(client, { name, version }, value) };
}

function taskOf(command: readonly string[], options: TriggerOptions): TriggerTask {
  if (command.length > 0 && (options.payload ?? options.kind) !== undefined)
    throw new UsageError("--payload", "and --kind are instead of a command");
  if (options.payload === undefined && options.kind !== undefined)
    throw new UsageError("--payload", `is missing: what a task of kind ${options.kind} is to do`);
  const isBuild = command.length === 0 && options.payload === undefined;
  return {
    kind: options.kind ?? (command.length > 0 ? "command" : "build"),
    payload: isBuild
      ? { source: "{{clone}}#{{commit}}" }
      : options.payload === undefined
        ? { argv: command }
        : readPayload(options.payload),
    ...given("arch", options.arch),
    ...given("channel", options.channel),
    ...given("label", options.label),
  };
}

function testTrigger(
  name: string,
  ref: string,
  { commit, repository, clone, path, ...options }: TestOptions,
): Promise<number> {
  return withHub(options, async (client) => {
    const { items } = await client.call<{ items: readonly TriggerView[] }>("GET", "/triggers");
    const trigger = items.find((one) => one.name === name);
    const outcome = await client.call<TriggerOutcome>("POST", `/triggers/${encodeURIComponent(name)}/test`, {
      ...{ ref, commit, paths: path.length === 0 ? null : path },
      repository: repository ?? trigger?.repository ?? "me/repository",
      clone: clone ?? trigger?.url ?? "https://forge.example/me/repository.git",
    });
    if (options.json === true) printJson(outcome);
    else process.stdout.write(`${outcome.why ?? JSON.stringify(shownOf(outcome), null, 2)}\n`);
    return outcome.why === null ? 0 : 1;
  });
}

function shownOf({ submission, submissions }: TriggerOutcome): unknown {
  return submissions.length > 1 ? submissions : submission;
}

function listDeliveries(name: string, options: Listing): Promise<number> {
  return listOf<TriggerDeliveryView>(`/triggers/${encodeURIComponent(name)}/deliveries`, options, {
    AT: ({ at }) => at,
    REF: ({ ref }) => ref,
    COMMIT: ({ commit }) => commit.slice(0, 12),
    TASK: ({ task }) => (task === null ? "-" : String(task)),
    WHY: ({ why }) => why ?? "",
  });
}

function listSecrets(options: Listing): Promise<number> {
  return listOf<{ name: string; createdBy: string; created: string }>("/secrets", options, {
    SECRET: ({ name }) => name,
    BY: ({ createdBy }) => createdBy,
    SET: ({ created }) => created,
  });
}

function setSecret(name: string, options: HubOptions): Promise<number> {
  return withHub(options, async (client) => {
    const pieces: Buffer[] = [];
    for await (const piece of process.stdin) pieces.push(piece as Buffer);
    const value = Buffer.concat(pieces)
      .toString()
      .replace(/\r?\n$/, "");
    if (value === "") throw new UsageError("hub secret set", "expected the secret on stdin");
    await client.call("PUT", `/secrets/${encodeURIComponent(name)}`, { value });
  });
}

function removeAll(nouns: "triggers" | "secrets", names: readonly string[], options: HubOptions): Promise<number> {
  return withHub(options, async (client) => {
    for (const name of names) await client.call("DELETE", `/${nouns}/${encodeURIComponent(name)}`);
  });
}
