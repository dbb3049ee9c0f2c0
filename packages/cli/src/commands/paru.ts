/** Hands an operation to paru, with the root's folders and configuration, so that it works on the same system. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { findParu, runOnTerminal } from "@stratos/tools-node/packages";
import { loadConfiguration } from "@stratos/systems/alpm";
import { CommandError, UsageError } from "../command-error.ts";
import type { AlpmChangeOptions } from "./alpm-options.ts";

/** @returns paru's exit status */
export async function delegateToParu(options: AlpmChangeOptions, operation: readonly string[]): Promise<number> {
  if (options.plan === true || options.json === true)
    throw new UsageError("--with paru", "has no --plan and no --json; leave them out");
  const paru = findParu();
  if (paru === undefined)
    throw new CommandError("paru", "is not installed; leave out --with paru, and Stratos does it itself");
  if (options.root === undefined) throw new UsageError("--with paru", "works on a folder of the host; give --root");
  const root = resolve(options.root);
  const configuration = loadConfiguration(root, options.config);
  const config = options.config ?? join(root, "etc/pacman.conf");
  const keyring = join(root, configuration.keyringPath),
    cache = configuration.cachePaths[0];
  const places =
    root === "/"
      ? []
      : [
          "--root",
          root,
          "--dbpath",
          join(root, configuration.databasePath),
          ...(cache === undefined ? [] : ["--cachedir", join(root, cache)]),
          ...(existsSync(keyring) ? ["--gpgdir", keyring] : []),
          "--logfile",
          join(root, configuration.logFile),
        ];
  const quiet = options.yes === true || process.stdin.isTTY !== true ? ["--noconfirm"] : [];
  return runOnTerminal(paru, [
    operation[0]!,
    ...places,
    "--config",
    config,
    ...quiet,
    ...(options.scriptlets === false ? ["--noscriptlet"] : []),
    ...operation.slice(1),
  ]);
}
