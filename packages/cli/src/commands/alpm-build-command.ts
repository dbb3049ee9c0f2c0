/** `stratos pkg alpm build` and `stratos pkg alpm aur …`: packages made from recipes. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { byteStringToUtf8 } from "@stratos/base";
import { stratosHome } from "@stratos/host-node";
import { copyRecipe, fetchRecipe, nodeAlpmPorts, readRecipeFolder } from "@stratos/tools-node/packages";
import { AurClient, formatSourceInfo, readRecipe, type AurPackage, type GivenArchive } from "@stratos/pkg";
import {
  toldAlpmFailure,
  archiveOf,
  aurUrl,
  buildFolder,
  buildFromAur,
  planFromAur,
  writePackages,
  type BuildOptions,
} from "@stratos/systems/alpm";
import { CommandError, UsageError } from "../command-error.ts";
import { formatFacts, formatTable } from "../text-table.ts";
import type { AlpmRootOptions } from "./alpm-options.ts";
import { alpmAtTerminal } from "./alpm-terminal.ts";

export interface AlpmBuildOptions extends AlpmRootOptions, BuildOptions {
  readonly output: string;
  readonly fromAur?: true;
  readonly plan?: true;
  readonly json?: true;
}

export interface AurOptions {
  readonly aur?: string;
  readonly by?: string;
  readonly json?: true;
  readonly output?: string;
}

/** Builds folders with recipes, or packages of the AUR, with the package lists of a root. */
export async function buildAlpm(names: readonly string[], options: AlpmBuildOptions): Promise<number> {
  if (options.root === undefined)
    throw new UsageError("build", "builds with the configuration of a folder; give --root");
  return alpmAtTerminal(options, { yes: true }, async (session) => {
    if (session.alpm.databases.length < session.alpm.configuration.repositories.length) await session.refresh();
    if (options.plan === true) {
      if (options.fromAur !== true)
        throw new CommandError("--plan", "shows what --from-aur would build; a folder is built by itself");
      const plan = await planFromAur(session, names, options);
      const steps = plan.steps.map((step) => ({
        base: step.base,
        packages: step.packages.map((one) => `${one.name} ${one.version}`),
        needs: step.needsBuilt,
      }));
      session.progress.clear();
      process.stdout.write(
        options.json === true
          ? `${JSON.stringify(steps, null, 2)}\n`
          : formatTable(
              ["BASE", "PACKAGES", "NEEDS"],
              steps.map((step) => [step.base, step.packages.join(", "), step.needs.join(" ")]),
            ),
      );
      return 0;
    }
    const built: GivenArchive[] = [];
    if (options.fromAur === true) built.push(...(await buildFromAur(session, names, options)));
    else {
      for (const folder of names) {
        if (!existsSync(join(folder, "PKGBUILD"))) throw new CommandError(folder, "holds no PKGBUILD");
        built.push(...(await buildFolder(session, resolve(folder), built, options)).map(archiveOf));
      }
    }
    const paths = writePackages(built, options.output);
    session.progress.clear();
    process.stdout.write(
      options.json === true ? `${JSON.stringify(paths, null, 2)}\n` : paths.map((path) => `${path}\n`).join(""),
    );
    return 0;
  });
}

export async function searchAur(word: string, options: AurOptions): Promise<number> {
  return withAur(options, async (aur) => {
    const found = await aur.search(word, (options.by ?? "name-desc") as "name-desc");
    if (options.json === true) process.stdout.write(`${JSON.stringify(found.map(plain), null, 2)}\n`);
    else
      process.stdout.write(
        formatTable(
          ["NAME", "VERSION", "VOTES", "POPULARITY", "DESCRIPTION"],
          found.map((one) => [
            one.name,
            `${one.version}${one.outOfDate > 0 ? " (out of date)" : ""}`,
            String(one.votes),
            one.popularity.toFixed(2),
            byteStringToUtf8(one.description),
          ]),
        ),
      );
    return found.length > 0 ? 0 : 1;
  });
}

export async function showAur(names: readonly string[], options: AurOptions): Promise<number> {
  return withAur(options, async (aur) => {
    const found = await aur.info(names);
    const missing = names.find((name) => !found.some((one) => one.name === name));
    if (missing !== undefined) throw new CommandError(missing, "the AUR has no such package");
    if (options.json === true) process.stdout.write(`${JSON.stringify(found.map(plain), null, 2)}\n`);
    else {
      for (const one of found) {
        const rows: [string, string][] = [
          ["Name", one.name],
          ["Base", one.base],
          ["Version", one.version],
          ["Description", one.description],
          ["URL", one.url],
          ["Maintainer", one.maintainer],
          ["Votes", String(one.votes)],
          ["Licenses", one.licenses.join(" ")],
          ["Depends", one.depends.join(" ")],
          ["To build", one.makeDepends.join(" ")],
          ["To check", one.checkDepends.join(" ")],
          ["Optional", one.optionalDepends.join("; ")],
          ["Provides", one.provides.join(" ")],
          ["Conflicts", one.conflicts.join(" ")],
        ];
        process.stdout.write(formatFacts(rows));
      }
    }
    return 0;
  });
}

/** Brings the recipes of packages into folders, to look at before they are built. */
export async function fetchAur(names: readonly string[], options: AurOptions): Promise<number> {
  return withAur(options, async (aur) => {
    const found = await aur.info(names);
    for (const name of names) {
      const one = found.find((candidate) => candidate.name === name);
      if (one === undefined) throw new CommandError(name, "the AUR has no such package");
      const cache = join(stratosHome(), "aur", one.base),
        target = resolve(options.output ?? ".", one.base);
      if (existsSync(target)) throw new CommandError(target, "is there already");
      await fetchRecipe(aur.gitUrl(one.base), cache);
      await copyRecipe(cache, target);
      process.stdout.write(`${target}\n`);
    }
    return 0;
  });
}

/** Prints the `.SRCINFO` of a folder's PKGBUILD. */
export async function printSourceInfo(folder: string): Promise<number> {
  try {
    process.stdout.write(formatSourceInfo(readRecipe(readRecipeFolder(folder), "x86_64")));
    return 0;
  } catch (error) {
    throw toldAlpmFailure(error, folder);
  }
}

async function withAur(options: AurOptions, work: (aur: AurClient) => Promise<number>): Promise<number> {
  const ports = nodeAlpmPorts(join(stratosHome(), "downloads"));
  try {
    return await work(new AurClient(ports, aurUrl(options.aur)));
  } catch (error) {
    throw toldAlpmFailure(error, "AUR");
  } finally {
    await ports.close();
  }
}

function plain(one: AurPackage): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(one).map(([key, value]) => [
      key,
      typeof value === "string"
        ? byteStringToUtf8(value)
        : Array.isArray(value)
          ? value.map((item) => byteStringToUtf8(String(item)))
          : value,
    ]),
  );
}
