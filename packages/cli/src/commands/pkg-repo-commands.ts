/** `stratos pkg repo`: Debian repositories of one's own. */
import { writeFileSync } from "node:fs";
import { RepositoryFolder, repositoryServer } from "@stratos/tools-node/packages";
import { createSigningKey, publicHalf } from "@stratos/pkg";
import { keyNames, keyPath, readKey } from "@stratos/systems/packages";
import { CommandError, hostReason } from "../command-error.ts";
import { serveUntilStopped } from "../serve-until-stopped.ts";
import { withPackagePorts } from "../operation-progress.ts";
import { formatSize } from "@stratos/operation";
import { formatTable } from "../text-table.ts";

export interface RepoInitOptions {
  readonly suite: string;
  readonly codename?: string;
  readonly architectures: readonly string[];
  readonly components: readonly string[];
  readonly origin: string;
  readonly description: string;
  readonly validDays: number;
  readonly json?: true;
}
export interface RepoKeyOptions {
  readonly key: string;
  readonly json?: true;
}
export interface RepoServeOptions {
  readonly listen: { host: string; port: number };
  readonly quiet?: true;
}

export function initRepositoryCommand(folder: string, options: RepoInitOptions): Promise<number> {
  return withPackagePorts(folder, async () => {
    const { settings } = RepositoryFolder.create(folder, {
      suite: options.suite,
      codename: options.codename ?? options.suite,
      origin: options.origin,
      label: options.origin,
      description: options.description,
      architectures: options.architectures,
      components: options.components,
      validDays: options.validDays,
    });
    if (options.json === true) process.stdout.write(`${JSON.stringify(settings, null, 2)}\n`);
    return 0;
  });
}

export function addToRepositoryCommand(
  folder: string,
  files: readonly string[],
  options: { readonly component?: string; readonly json?: true },
): Promise<number> {
  return withPackagePorts(folder, async (ports) => {
    const repository = new RepositoryFolder(folder);
    const paths: string[] = [];
    for (const file of files)
      paths.push(await repository.add(file, options.component ?? repository.settings.components[0]!, ports));
    process.stdout.write(
      options.json === true ? `${JSON.stringify(paths, null, 2)}\n` : paths.map((path) => `${path}\n`).join(""),
    );
    return 0;
  });
}

export function removeFromRepositoryCommand(
  folder: string,
  name: string,
  options: { readonly version?: string; readonly json?: true },
): Promise<number> {
  return withPackagePorts(folder, async (ports) => {
    const paths = await new RepositoryFolder(folder).remove(name, options.version, ports);
    if (paths.length === 0) throw new CommandError(name, `no such package in ${folder}`);
    process.stdout.write(
      options.json === true ? `${JSON.stringify(paths, null, 2)}\n` : paths.map((path) => `${path}\n`).join(""),
    );
    return 0;
  });
}

export function listRepositoryCommand(folder: string, options: { readonly json?: true }): Promise<number> {
  return withPackagePorts(folder, async (ports) => {
    const rows = (await new RepositoryFolder(folder).pool(ports)).map(
      ({ component, filename, control, sizeBytes, sha256 }) => ({
        name: control.get("Package")!,
        version: control.get("Version")!,
        architecture: control.get("Architecture")!,
        component,
        filename,
        sizeBytes,
        sha256,
      }),
    );
    if (options.json === true) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    else
      process.stdout.write(
        formatTable(
          ["PACKAGE", "VERSION", "ARCHITECTURE", "COMPONENT", "SIZE"],
          rows.map((row) => [row.name, row.version, row.architecture, row.component, formatSize(row.sizeBytes)]),
        ),
      );
    return 0;
  });
}

export function signRepositoryCommand(folder: string, options: RepoKeyOptions): Promise<number> {
  return withPackagePorts(folder, async (ports) => {
    const signed = await new RepositoryFolder(folder).sign(readKey(options.key), ports);
    const count = `${signed.packages} ${signed.packages === 1 ? "package" : "packages"}`;
    if (options.json === true) process.stdout.write(`${JSON.stringify(signed, null, 2)}\n`);
    else process.stdout.write(`${count} listed, signed by ${signed.fingerprint.toUpperCase()}\n`);
    return 0;
  });
}

/** Until a signal ends it. */
export function serveRepositoryCommand(folder: string, options: RepoServeOptions): Promise<number> {
  return withPackagePorts(folder, async () => {
    const { settings } = new RepositoryFolder(folder);
    const server = repositoryServer(
      folder,
      options.quiet === true ? () => {} : (line) => void process.stderr.write(`${line}\n`),
    );
    return serveUntilStopped(
      server,
      options.listen,
      (url) => `deb [signed-by=KEYRING] ${url} ${settings.suite} ${settings.components.join(" ")}`,
    );
  });
}

export function createKeyCommand(
  name: string,
  options: { readonly owner?: string; readonly json?: true },
): Promise<number> {
  return withPackagePorts(name, async (ports) => {
    const path = keyPath(name);
    const key = await createSigningKey(options.owner ?? name, Math.floor(ports.nowSeconds()));
    try {
      // Never over one that is there: what it has signed could not be followed up any more.
      writeFileSync(path, key.privateKey, { mode: 0o600, flag: "wx", flush: true });
    } catch (error) {
      throw new CommandError(
        name,
        (error as NodeJS.ErrnoException).code === "EEXIST" ? "there is a key of this name already" : hostReason(error),
        { cause: error },
      );
    }
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify({ name, path, fingerprint: key.fingerprint }, null, 2)}\n`
        : `${key.fingerprint.toUpperCase()}\n`,
    );
    return 0;
  });
}

export function listKeysCommand(options: { readonly json?: true }): Promise<number> {
  return withPackagePorts("keys", async () => {
    const rows = [];
    for (const name of keyNames()) {
      const { fingerprint, owner, createdSeconds } = await publicHalf(readKey(name));
      rows.push({ name, fingerprint, owner, created: new Date(createdSeconds * 1000).toISOString() });
    }
    if (options.json === true) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    else
      process.stdout.write(
        formatTable(
          ["KEY", "FINGERPRINT", "OWNER", "CREATED"],
          rows.map((row) => [row.name, row.fingerprint.toUpperCase(), row.owner, row.created.slice(0, 10)]),
        ),
      );
    return 0;
  });
}

export function exportKeyCommand(name: string): Promise<number> {
  return withPackagePorts(name, async () => {
    process.stdout.write((await publicHalf(readKey(name))).publicKey);
    return 0;
  });
}
