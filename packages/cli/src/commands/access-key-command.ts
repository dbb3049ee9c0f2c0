/** `stratos serve key` and `stratos fs serve key`: who else may use a service, and as what. */
import { Command, Option } from "commander";
import { formatTable } from "../text-table.ts";
import { parseSeconds } from "./hub-options.ts";
import { jsonOption, type Finish } from "./row-options.ts";

interface AddOptions {
  readonly role: "viewer" | "operator" | "administrator";
  /** Seconds. */
  readonly expires?: number;
}

type Service = "fs-serve" | "serve";

/** What the roles may. */
const ROLES: Readonly<Record<Service, string>> = {
  "serve":
    "A viewer looks at systems, logs and terminals; an operator also types, runs programs, stops, starts, snapshots " +
    "and rolls back; an administrator also makes and removes systems, and may give them folders of this host, so is " +
    "as good as you.",
  "fs-serve":
    "A viewer sees volumes, names and state; an operator also reads files, takes snapshots and scrubs; an " +
    "administrator also changes and removes files, rolls back, and sets schedules, quotas and compression.",
};

export function accessKeyCommand(finish: Finish, service: Service): Command {
  const key = new Command("key")
    .summary("let others in, as viewers, operators or administrators")
    .description(
      `Keys of those who may use the service besides its owner, who has the token. ${ROLES[service]} Services that ` +
        "run follow within two seconds.",
    )
    .usage("COMMAND");
  key.addCommand(
    new Command("add")
      .summary("make a key, and print it once")
      .description("Makes a key and prints it on standard output; it is kept nowhere.")
      .argument("<name>", "whose it is: letters, digits and . _ @ -")
      .addOption(
        new Option("--role <role>", "what it may")
          .choices(["viewer", "operator", "administrator"])
          .makeOptionMandatory(),
      )
      .addOption(
        new Option("--expires <time>", "good for so long (default: until it is removed): 12h, 90d").argParser(
          parseSeconds,
        ),
      )
      .action(async (name: string, options: AddOptions) => finish(await addKey(service, name, options))),
  );
  key.addCommand(
    new Command("ls")
      .summary("list keys")
      .description("Lists keys with their roles and ends. Secrets are kept nowhere.")
      .addOption(jsonOption())
      .action(async (options: { readonly json?: true }) => finish(await listKeys(service, options))),
  );
  key.addCommand(
    new Command("rm")
      .summary("remove keys")
      .description("Removes keys. Browsers that have signed in with them, and their terminals, are sent away.")
      .argument("<name...>", "their names")
      .action(async (names: string[]) => finish(await removeKeys(service, names))),
  );
  return key;
}

async function keysOf(service: Service): Promise<{ keys: typeof import("@stratos/volumes/serve"); path: string }> {
  const [keys, { makeFolders, stratosHome }] = await Promise.all([
    import("@stratos/volumes/serve"),
    import("@stratos/host-node/home"),
  ]);
  const home = stratosHome();
  makeFolders(home);
  return { keys, path: keys.accessKeysPath(home, service) };
}

async function addKey(service: Service, name: string, { role, expires }: AddOptions): Promise<number> {
  const { keys, path } = await keysOf(service);
  const secret = keys.addAccessKey(path, name, role, expires === undefined ? null : Date.now() + expires * 1000);
  process.stdout.write(`${secret}\n`);
  return 0;
}

async function listKeys(service: Service, { json }: { readonly json?: true }): Promise<number> {
  const { keys, path } = await keysOf(service);
  const all = keys.readAccessKeys(path).map(({ name, role, createdMs, expiresMs }) => ({
    name,
    role,
    created: new Date(createdMs).toISOString(),
    expires: expiresMs === null ? null : new Date(expiresMs).toISOString(),
    expired: expiresMs !== null && expiresMs <= Date.now(),
  }));
  if (json === true) process.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
  else
    process.stdout.write(
      formatTable(
        ["NAME", "ROLE", "CREATED", "EXPIRES"],
        all.map(({ name, role, created, expires, expired }) => [
          name,
          role,
          created,
          expired ? "expired" : (expires ?? "-"),
        ]),
      ),
    );
  return 0;
}

async function removeKeys(service: Service, names: readonly string[]): Promise<number> {
  const { keys, path } = await keysOf(service);
  keys.removeAccessKeys(path, names);
  return 0;
}
