/**
 * The script that carries out a change inside the system, with the system's own dpkg: scripts, diversions,
 * configuration files and triggers are dpkg's business. Ours is the order (dpkg(1), Policy §6.6 and §7.2):
 *
 *     mark what goes ─▶ unpack, dependencies first ─▶ configure all ─▶ remove what is still there
 *                          ╰ before a package whose Pre-Depends are among these: configure those and what they need
 *
 * What goes is marked first, so that dpkg itself takes it away in favour of what conflicts with it, at the moment when
 * the newcomer's files are there. The change happens in a clone of the system, so a failure leaves nothing.
 */
import type { BinaryPackage, PackageIndex } from "../package-index.ts";
import { candidatesFor } from "../resolver/candidates.ts";
import type { PlannedChange } from "../resolver/plan-change.ts";

export interface TransactionInput {
  change: PlannedChange;
  /** new versions, in the order of unpacking (`unpackOrder`) */
  order: readonly BinaryPackage[];
  /** where the guest finds a package's file */
  pathOf(one: BinaryPackage): string;
  index: PackageIndex;
  architecture: string;
  /** for dpkg where it unpacks and configures ({@link AptSettings}) */
  dpkgOptions: readonly string[];
}

/** Arguments of one dpkg call: the kernel's bound is far away, and a failure's message stays readable. */
const CALL_MAX = 200;
const OPTIONS = "--force-unsafe-io --force-hold --auto-deconfigure";

export type TransactionStep = { kind: "unpack" | "configure"; packages: BinaryPackage[] };

/** In which steps packages are unpacked and configured; what is left is configured at the end. */
export function transactionSteps(input: Pick<TransactionInput, "order" | "index" | "architecture">): TransactionStep[] {
  const { order, index, architecture } = input;
  const chosen = new Set(order);
  const unpacked = new Set<BinaryPackage>(),
    configured = new Set<BinaryPackage>();
  const steps: TransactionStep[] = [];
  const add = (kind: TransactionStep["kind"], one: BinaryPackage): void => {
    const last = steps.at(-1);
    if (last?.kind === kind && last.packages.length < CALL_MAX) last.packages.push(one);
    else steps.push({ kind, packages: [one] });
  };
  const needs = (one: BinaryPackage, fields: readonly ("Pre-Depends" | "Depends")[]): BinaryPackage[] => {
    const own = one.architecture === "all" ? architecture : one.architecture;
    const found: BinaryPackage[] = [];
    for (const field of fields) {
      for (const dependency of one.relations(field)) {
        const candidate = candidatesFor(index, dependency, own, architecture).find((other) => chosen.has(other));
        if (candidate !== undefined && candidate !== one) found.push(candidate);
      }
    }
    return found;
  };
  const unpack = (one: BinaryPackage): void => {
    if (unpacked.has(one)) return;
    // Marked first: packages that pre-depend on each other in a circle cannot be helped, and dpkg will say so.
    unpacked.add(one);
    const before = new Set<BinaryPackage>();
    const queue = needs(one, ["Pre-Depends"]).filter((other) => !configured.has(other));
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (before.has(next) || next === one) continue;
      before.add(next);
      queue.push(...needs(next, ["Pre-Depends", "Depends"]).filter((other) => !configured.has(other)));
    }
    const ordered = order.filter((other) => before.has(other));
    for (const other of ordered) unpack(other);
    for (const other of ordered) {
      if (configured.has(other)) continue;
      configured.add(other);
      add("configure", other);
    }
    add("unpack", one);
  };
  for (const one of order) unpack(one);
  return steps;
}

/** The whole script, for `/bin/sh`. */
export function transactionScript(input: TransactionInput): string {
  const { change } = input;
  const options = [OPTIONS, ...input.dpkgOptions.map(quote)].join(" ");
  const key = (one: BinaryPackage): string =>
    quote(one.architecture === "all" ? one.name : `${one.name}:${one.architecture}`);
  const lines = [
    "set -e",
    "cd /",
    "umask 022",
    "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8",
    "export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true DEBCONF_NOWARNINGS=yes",
    // Nothing is started while packages change, whatever the system says otherwise (policy-rc.d of invoke-rc.d(8)).
    "policy=/usr/sbin/policy-rc.d",
    "if [ ! -e $policy ]; then printf '#!/bin/sh\\nexit 101\\n' > $policy; chmod 755 $policy; trap 'rm -f " +
      "/usr/sbin/policy-rc.d' EXIT; fi",
  ];
  if (change.remove.length > 0) {
    lines.push(
      "dpkg --set-selections <<'END'\n" +
        `${change.remove
          .map(
            ({ package: one, isPurge }) =>
              `${one.architecture === "all" ? one.name : `${one.name}:${one.architecture}`} ` +
              `${isPurge ? "purge" : "deinstall"}\n`,
          )
          .join("")}END`,
    );
  }
  for (const { kind, packages } of transactionSteps(input)) {
    const words = packages.map((one) => (kind === "unpack" ? quote(input.pathOf(one)) : key(one)));
    lines.push(`dpkg ${options}${kind === "unpack" ? " --no-triggers" : ""} --${kind} ${words.join(" ")}`);
  }
  // Also when nothing is new: an interrupted run of the system's own may have left something to do.
  lines.push(`dpkg ${options} --configure --pending`);
  for (const isPurge of [false, true]) {
    const leaving = change.remove.filter((removal) => removal.isPurge === isPurge).map(({ package: one }) => key(one));
    if (leaving.length === 0) continue;
    // Some have made way already; a purge has their configuration to look after still.
    lines.push(
      `left=; for one in ${leaving.join(" ")}; do case $(dpkg-query -W -f '\${db:Status-Status}' "$one" ` +
        `2>/dev/null || :) in not-installed|''${isPurge ? "" : "|config-files"}) ;; *) left="$left $one" ;; esac; done`,
    );
    lines.push(
      'if [ -n "$left" ]; then dpkg --force-unsafe-io --force-hold --force-remove-essential ' +
        `--force-remove-protected --${isPurge ? "purge" : "remove"} $left; fi`,
    );
  }
  if (change.purgeConfig.length > 0)
    lines.push(`dpkg --force-unsafe-io --purge ${change.purgeConfig.map(quote).join(" ")}`);
  // Removals may have asked for triggers.
  if (change.remove.length > 0) lines.push(`dpkg ${options} --configure --pending`);
  lines.push("rm -f /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache");
  return `${lines.join("\n")}\n`;
}

function quote(word: string): string {
  return /^[A-Za-z0-9_.:+~/=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
