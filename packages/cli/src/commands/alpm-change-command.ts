/** `stratos pkg alpm install|remove|upgrade`: one transaction, shown before it happens. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { byteStringToUtf8 } from "@stratos/base";
import { createInterface } from "node:readline/promises";
import {
  AurClient,
  compareAlpmVersions,
  type AlpmTransaction,
  type GivenArchive,
  type TransactionOptions,
  type TransactionWish,
} from "@stratos/pkg";
import { type AlpmSession, aurUrl, buildFromAur } from "@stratos/systems/alpm";
import { delegateToParu } from "./paru.ts";
import { UsageError } from "../command-error.ts";
import { formatSize } from "@stratos/operation";
import type { AlpmChangeOptions, AlpmInstallOptions, AlpmRemoveOptions, AlpmUpgradeOptions } from "./alpm-options.ts";
import { alpmAtTerminal } from "./alpm-terminal.ts";

export async function installAlpm(names: readonly string[], options: AlpmInstallOptions): Promise<number> {
  const files = options.file ?? [],
    fromAur = options.fromAur ?? [];
  if (names.length + files.length + fromAur.length === 0)
    throw new UsageError("install", "name packages, or give files with --file");
  if (options.with === "paru") {
    const flags = [
      ...(options.needed === true ? ["--needed"] : []),
      ...(options.asDeps === true ? ["--asdeps"] : []),
      ...(options.overwrite ?? []).flatMap((pattern) => ["--overwrite", pattern]),
    ];
    if (names.length + fromAur.length > 0) {
      const status = await delegateToParu(options, [
        options.update === true ? "-Sy" : "-S",
        ...flags,
        ...names,
        ...fromAur,
      ]);
      if (status !== 0 || files.length === 0) return status;
    }
    return delegateToParu(options, ["-U", ...flags, ...files]);
  }
  return change(options, ["install", ...names], async (session) => {
    if (
      options.update === true ||
      (names.length + fromAur.length > 0 &&
        session.alpm.databases.length < session.alpm.configuration.repositories.length)
    )
      await session.refresh();
    const archives = files.map((path): GivenArchive => ({
      name: basename(path),
      bytes: readFileSync(path),
      ...signatureBeside(path),
      rule: session.alpm.configuration.localFileSignatures,
    }));
    if (fromAur.length > 0 && options.root === undefined)
      throw new UsageError("--from-aur", "packages of the AUR are built for folders (--root), not for images");
    if (fromAur.length > 0 && options.plan !== true) archives.push(...(await buildFromAur(session, fromAur, {})));
    const wish: TransactionWish = {
      install: names,
      ...(options.asDeps === true ? { reason: "dependency" as const } : {}),
      ...(options.needed === true ? { needed: true } : {}),
    };
    return session.alpm.prepare(wish, {
      archives,
      overwrite: options.overwrite ?? [],
      ...(options.scriptlets === false ? { noScriptlets: true } : {}),
    });
  });
}

export async function removeAlpm(names: readonly string[], options: AlpmRemoveOptions): Promise<number> {
  if (options.with === "paru")
    return delegateToParu(options, [
      `-R${options.cascade === true ? "c" : ""}${options.recursive === true ? "s" : ""}` +
        `${options.purge === true ? "n" : ""}`,
      ...names,
    ]);
  const wish: TransactionWish = {
    remove: names,
    cascade: options.cascade === true,
    recursive: options.recursive === true,
  };
  return change(options, ["remove", ...names], (session) =>
    session.alpm.prepare(wish, {
      purge: options.purge === true,
      ...(options.scriptlets === false ? { noScriptlets: true } : {}),
    }),
  );
}

export async function upgradeAlpm(options: AlpmUpgradeOptions): Promise<number> {
  if (options.with === "paru")
    return delegateToParu(options, [
      options.downgrade === true ? "-Syuu" : "-Syu",
      ...(options.overwrite ?? []).flatMap((pattern) => ["--overwrite", pattern]),
    ]);
  return change(options, ["upgrade"], async (session) => {
    await session.refresh();
    const settings: TransactionOptions = {
      overwrite: options.overwrite ?? [],
      ...(options.scriptlets === false ? { noScriptlets: true } : {}),
    };
    const archives = options.fromAur === true ? await newerFromAur(session, options) : [];
    return session.alpm.prepare({ upgrade: true, downgrade: options.downgrade === true }, { ...settings, archives });
  });
}

/** Builds what the AUR has newer of installed packages that no repository offers. */
async function newerFromAur(session: AlpmSession, options: AlpmUpgradeOptions): Promise<GivenArchive[]> {
  if (options.root === undefined)
    throw new UsageError("--from-aur", "packages of the AUR are built for folders (--root), not for images");
  const foreign = session.alpm.local
    .packages()
    .filter((one) => session.alpm.databases.every((database) => database.get(one.name) === undefined));
  const offered = await new AurClient(session.ports, aurUrl(undefined)).info(foreign.map((one) => one.name));
  const newer = offered.filter(
    (one) => compareAlpmVersions(one.version, session.alpm.local.get(one.name)!.package.version) > 0,
  );
  for (const one of newer) session.progress.note(`${one.name}: the AUR has ${one.version}`);
  if (newer.length === 0 || options.plan === true) return [];
  // A dependency that is built anew is an upgrade, too; its reason stays.
  return buildFromAur(
    session,
    newer.map((one) => one.name),
    {},
  );
}

function signatureBeside(path: string): { signature?: Uint8Array } {
  try {
    return { signature: readFileSync(`${path}.sig`) };
  } catch {
    return {};
  }
}

async function change(
  options: AlpmChangeOptions,
  words: readonly string[],
  prepare: (session: AlpmSession) => Promise<AlpmTransaction>,
): Promise<number> {
  return alpmAtTerminal(
    options,
    { yes: options.yes === true || options.json === true, command: ["pkg alpm", ...words].join(" ") },
    async (session) => {
      const transaction = await prepare(session);
      session.progress.clear();
      if (options.json === true && options.plan === true) {
        process.stdout.write(`${JSON.stringify(planJson(transaction), null, 2)}\n`);
        return 0;
      }
      if (transaction.isEmpty) {
        if (options.json === true) process.stdout.write(`${JSON.stringify(planJson(transaction), null, 2)}\n`);
        else process.stdout.write("nothing to do\n");
        return 0;
      }
      if (options.json !== true) process.stdout.write(planText(transaction));
      if (options.plan === true) return 0;
      if (options.yes !== true && options.json !== true && process.stdin.isTTY === true && !(await proceeds()))
        return 1;
      await session.commit(transaction);
      session.progress.clear();
      if (options.json === true) process.stdout.write(`${JSON.stringify(planJson(transaction), null, 2)}\n`);
      return 0;
    },
  );
}

async function proceeds(): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^(y(es)?)?$/i.test((await lines.question("Proceed? [Y/n] ")).trim());
  } finally {
    lines.close();
  }
}

/** What a transaction would do, a line for each package. */
function planText(transaction: AlpmTransaction): string {
  const { plan, sizes } = transaction;
  const lines = [
    ...plan.remove.map(({ package: one, because }) => `remove   ${one.name} ${one.version}  (${because})`),
    ...plan.install.map(
      ({ package: one, old, because, origin }) =>
        `${verbOf(one.version, old?.version)} ${one.name} ` +
        `${old === undefined || old.version === one.version ? "" : `${old.version} -> `}${one.version}  ` +
        `(${origin}; ${because})`,
    ),
    ...plan.reasons.map(
      ({ package: one, reason }) => `mark     ${one.name} as ${reason === "explicit" ? "asked for" : "a dependency"}`,
    ),
  ];
  const size =
    `${formatSize(sizes.downloadBytes)} to download, ` +
    `${
      sizes.grownBytes < 0 ? `${formatSize(-sizes.grownBytes)} freed` : `${formatSize(sizes.grownBytes)} more on disk`
    }`;
  return (
    `${[...lines, `${plan.install.length} to install or upgrade, ${plan.remove.length} to remove; ${size}`]
      .map(byteStringToUtf8)
      .join("\n")}` + "\n"
  );
}

function verbOf(version: string, before: string | undefined): string {
  const order = before === undefined ? 0 : compareAlpmVersions(version, before);
  return before === undefined ? "install " : order > 0 ? "upgrade " : order < 0 ? "downgrade" : "reinstall";
}

function planJson({ plan, sizes }: AlpmTransaction): object {
  return {
    install: plan.install.map(({ package: one, old, origin, reason, because }) => ({
      name: one.name,
      version: one.version,
      oldVersion: old?.version ?? null,
      origin,
      reason,
      because: byteStringToUtf8(because),
    })),
    remove: plan.remove.map(({ package: one, because }) => ({
      name: one.name,
      version: one.version,
      because: byteStringToUtf8(because),
    })),
    reasons: plan.reasons.map(({ package: one, reason }) => ({ name: one.name, reason })),
    ...sizes,
  };
}
