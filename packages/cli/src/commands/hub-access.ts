/** `stratos hub role|grant|policy`. */
import type { Command } from "commander";
import type { PolicyView, RoleView } from "@stratos/hub-api";
import { type HubOptions, withHub } from "../hub/hub-client.ts";
import { jsonOption, type Finish } from "./row-options.ts";
import { UsageError } from "../command-error.ts";
import { noun, repeatable, row } from "./hub-options.ts";
import { listOf, printJson, type Listing } from "../hub/hub-listing.ts";

interface Common extends HubOptions {
  readonly json?: true;
}
interface RoleOptions extends Common {
  readonly inherit: readonly string[];
  readonly permit: readonly string[];
}

export function hubAccessCommands(finish: Finish): Command[] {
  return [roleCommand(finish), grantCommand(finish), policyCommand(finish)];
}

function roleCommand(finish: Finish): Command {
  const role = noun("role", "list, make and remove roles");
  role.addCommand(
    row("ls", "list roles", "Lists roles, what they inherit and permit.")
      .addOption(jsonOption())
      .action(async (options: Common) => finish(await listRoles(options))),
  );
  role.addCommand(
    row("set", "make or change a role", "Makes a role, or changes one; what is not said it has not.")
      .argument("<role>", "its name")
      .addOption(repeatable("--inherit <role>", "what this role may, it may, too"))
      .addOption(repeatable("--permit <permission>", "such as task:submit:main; * is any one part"))
      .addOption(jsonOption())
      .action(async (name: string, options: RoleOptions) => finish(await setRole(name, options))),
  );
  role.addCommand(
    row("rm", "remove roles", "Removes roles that nobody has.")
      .argument("<role...>", "their names")
      .action(async (names: string[], options: HubOptions) => finish(await removeRoles(names, options))),
  );
  return role;
}

function grantCommand(finish: Finish): Command {
  const grant = noun("grant", "list, give and take roles of people and programs");
  grant.addCommand(
    row("ls", "list who has which role", "Lists who has which role.")
      .addOption(jsonOption())
      .action(async (options: Common) => finish(await listGrants(options))),
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
          finish(await changeGrants(principal, roles, isGiven, options)),
        ),
    );
  return grant;
}

interface GrantView {
  readonly principal: string;
  readonly role: string;
}
interface PolicyOptions extends Common {
  readonly permission: readonly string[];
  readonly principal: readonly string[];
  readonly hours?: string;
  readonly network: readonly string[];
  readonly own?: true;
  readonly label: readonly string[];
}

function policyCommand(finish: Finish): Command {
  const policy = noun("policy", "list, make and remove policies: conditions beside roles");
  policy.addCommand(
    row("ls", "list policies", "Lists policies, what they concern and what must hold.")
      .addOption(jsonOption())
      .action(async (options: Common) => finish(await listPolicies(options))),
  );
  policy.addCommand(
    row(
      "set",
      "make or change a policy",
      "Makes a policy, or changes one: requests that it concerns are refused unless all of its conditions hold, " +
        "whatever roles permit. Changing policies is subject to none.",
    )
      .argument("<policy>", "its name")
      .addOption(repeatable("--permission <permission>", "which requests, such as task:submit:main, package"))
      .addOption(repeatable("--principal <name>", "whom alone it concerns; * is any text, as in oidc:*"))
      .option("--hours <hours>", "when, such as 'Mon-Fri 08:00-18:00 Europe/Berlin'")
      .addOption(repeatable("--network <network>", "from where, such as 10.0.0.0/8"))
      .option("--own", "of tasks, one's own alone")
      .addOption(repeatable("--label <label>", "of tasks, those with this label; * is any text, as in nightly/*"))
      .addOption(jsonOption())
      .action(async (name: string, options: PolicyOptions) => finish(await setPolicy(name, options))),
  );
  policy.addCommand(
    row("rm", "remove policies", "Removes policies.")
      .argument("<policies...>", "their names")
      .action(async (names: readonly string[], options: HubOptions) => finish(await removePolicies(names, options))),
  );
  return policy;
}

const conditionsOf = ({ conditions: { hours, networks = [], isOwn, labels = [] } }: PolicyView): string =>
  [hours ?? "", ...networks, isOwn === true ? "own tasks" : "", ...labels.map((label) => `label ${label}`)]
    .filter((part) => part !== "")
    .join(", ");

function listPolicies(options: Listing): Promise<number> {
  return listOf<PolicyView>("/policies", options, {
    POLICY: ({ name }) => name,
    PERMISSIONS: ({ permissions }) => permissions.join(", "),
    PRINCIPALS: ({ principals }) => principals.join(", ") || "all",
    CONDITIONS: conditionsOf,
  });
}

function setPolicy(
  name: string,
  { permission, principal, hours, network, own, label, ...options }: PolicyOptions,
): Promise<number> {
  if (permission.length === 0) throw new UsageError("--permission", "is missing: which requests it concerns");
  return withHub(options, async (client) => {
    const policy = await client.call<PolicyView>("PUT", `/policies/${encodeURIComponent(name)}`, {
      permissions: permission,
      principals: principal,
      conditions: {
        ...(hours === undefined ? {} : { hours }),
        ...(network.length === 0 ? {} : { networks: network }),
        ...(own === undefined ? {} : { isOwn: true }),
        ...(label.length === 0 ? {} : { labels: label }),
      },
    });
    if (options.json === true) printJson(policy);
    else process.stdout.write(`${name}: ${conditionsOf(policy)}\n`);
  });
}

function removePolicies(names: readonly string[], options: HubOptions): Promise<number> {
  return withHub(options, async (client) => {
    for (const name of names) await client.call("DELETE", `/policies/${encodeURIComponent(name)}`);
  });
}

function listRoles(options: Listing): Promise<number> {
  return listOf<RoleView>("/roles", options, {
    ROLE: ({ name }) => name,
    INHERITS: ({ inherits }) => inherits.join(",") || "-",
    PERMISSIONS: ({ permissions }) => permissions.join(","),
  });
}

function setRole(
  name: string,
  options: Listing & { readonly inherit: readonly string[]; readonly permit: readonly string[] },
): Promise<number> {
  return withHub(options, async (client) => {
    const body = { inherits: options.inherit, permissions: options.permit };
    const role = await client.call<RoleView>("PUT", `/roles/${encodeURIComponent(name)}`, body);
    if (options.json === true) printJson(role);
  });
}

function removeRoles(names: readonly string[], options: HubOptions): Promise<number> {
  return withHub(options, async (client) => {
    for (const name of names) await client.call("DELETE", `/roles/${encodeURIComponent(name)}`);
  });
}

function listGrants(options: Listing): Promise<number> {
  return listOf<GrantView>("/grants", options, { PRINCIPAL: ({ principal }) => principal, ROLE: ({ role }) => role });
}

function changeGrants(
  principal: string,
  roles: readonly string[],
  isGiven: boolean,
  options: HubOptions,
): Promise<number> {
  return withHub(options, async (client) => {
    for (const role of roles)
      await client.call(
        isGiven ? "PUT" : "DELETE",
        `/grants/${encodeURIComponent(principal)}/${encodeURIComponent(role)}`,
      );
  });
}
