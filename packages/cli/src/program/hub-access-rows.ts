/** Rows of `stratos hub`: who may what, and who is told. */
import type { Command } from "commander";
import type { HubOptions } from "../hub/hub-login.ts";
import { jsonOption, type Finish } from "./fs-rows.ts";
import { noun, parseCount, repeatable, row } from "./hub-options.ts";

const commands = () => import("../commands/hub-access-commands.ts");
interface Common extends HubOptions {
  readonly json?: true;
}
interface RoleOptions extends Common {
  readonly inherit: readonly string[];
  readonly permit: readonly string[];
}

export function hubAccessCommands(finish: Finish): Command[] {
  return [roleCommand(finish), grantCommand(finish), webhookCommand(finish)];
}

function roleCommand(finish: Finish): Command {
  const role = noun("role", "list, make and remove roles");
  role.addCommand(
    row("ls", "list roles", "Lists roles, what they inherit and permit.")
      .addOption(jsonOption())
      .action(async (options: Common) => finish(await (await commands()).listRoles(options))),
  );
  role.addCommand(
    row("set", "make or change a role", "Makes a role, or changes one; what is not said it has not.")
      .argument("<role>", "its name")
      .addOption(repeatable("--inherit <role>", "what this role may, it may, too"))
      .addOption(repeatable("--permit <permission>", "such as task:submit:main; * is any one part"))
      .addOption(jsonOption())
      .action(async (name: string, options: RoleOptions) => finish(await (await commands()).setRole(name, options))),
  );
  role.addCommand(
    row("rm", "remove roles", "Removes roles that nobody has.")
      .argument("<role...>", "their names")
      .action(async (names: string[], options: HubOptions) =>
        finish(await (await commands()).removeRoles(names, options)),
      ),
  );
  return role;
}

function grantCommand(finish: Finish): Command {
  const grant = noun("grant", "list, give and take roles of people and programs");
  grant.addCommand(
    row("ls", "list who has which role", "Lists who has which role.")
      .addOption(jsonOption())
      .action(async (options: Common) => finish(await (await commands()).listGrants(options))),
  );
  for (const [name, summary, isGiven] of [
    ["add", "give somebody roles", true],
    ["rm", "take roles from somebody", false],
  ] as const)
    grant.addCommand(
      row(name, summary, `${isGiven ? "Gives somebody" : "Takes from somebody"} roles; their keys follow at once.`)
        .argument("<principal>", "whose")
        .argument("<role...>", "roles")
        .action(async (principal: string, roles: string[], options: HubOptions) =>
          finish(await (await commands()).changeGrants(principal, roles, isGiven, options)),
        ),
    );
  return grant;
}

function webhookCommand(finish: Finish): Command {
  const webhook = noun("webhook", "have events told to other programs");
  const parse = parseCount(1);
  webhook.addCommand(
    row("ls", "list webhooks", "Lists webhooks, without their secrets.")
      .addOption(jsonOption())
      .action(async (options: Common) => finish(await (await commands()).listWebhooks(options))),
  );
  webhook.addCommand(
    row(
      "add",
      "have events told to a URL",
      "Has events POSTed to a URL, and prints this once the secret that signs them (Stratos-Signature).",
    )
      .argument("<url>", "http or https")
      .argument("<event...>", "such as COMPLETED FAILED PUBLISHED; `hub event` shows their names")
      .addOption(jsonOption())
      .action(async (url: string, events: string[], options: Common) =>
        finish(await (await commands()).addWebhook(url, events, options)),
      ),
  );
  webhook.addCommand(
    row("rm", "remove a webhook", "Removes a webhook and its deliveries.")
      .argument("<webhook>", "its number", parse)
      .action(async (id: number, options: HubOptions) => finish(await (await commands()).removeWebhook(id, options))),
  );
  webhook.addCommand(
    row("deliveries", "list what was delivered", "Lists the last hundred deliveries; DEAD ones are tried no more.")
      .argument("<webhook>", "its number", parse)
      .addOption(jsonOption())
      .action(async (id: number, options: Common) => finish(await (await commands()).listDeliveries(id, options))),
  );
  webhook.addCommand(
    row("retry", "try a dead delivery again", "Tries a dead delivery again.")
      .argument("<delivery>", "its number", parse)
      .action(async (id: number, options: HubOptions) => finish(await (await commands()).redeliver(id, options))),
  );
  return webhook;
}
