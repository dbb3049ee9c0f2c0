/**
 * What in an image is another each time that it is made natively: by the clock or by chance of its packages' scripts,
 * as far as known.
 */
import type { FileTree } from "@stratos/formats";
import { compilePattern } from "../treefile/pattern.ts";

const OF_CHANCE: readonly (readonly [pattern: string, why: string])[] = [
  ["etc/ssl/private/ssl-cert-snakeoil.key", "a key that ssl-cert makes"],
  ["etc/ssl/certs/ssl-cert-snakeoil.pem", "its certificate"],
  ["var/lib/postgresql/*/*/global/pg_control", "the number of a cluster that postgresql makes"],
  ["var/lib/mysql/*.pem", "keys that a database makes"],
  ["etc/ssl/certs/java/cacerts", "a key store of Java that holds the clock"],
  ["etc/dropbear/dropbear_*_host_key", "keys of a host"],
  ["var/lib/tor/keys/*", "keys of a host"],
  ["etc/wireguard/*.key", "keys of a host"],
];
const TESTS = OF_CHANCE.map(([pattern, why]) => ({ matches: compilePattern(pattern, { isPath: true }), why }));

/** @param isFixed  paths whose bytes are the same each time after all */
export function filesOfChance(tree: FileTree, isFixed: (path: string) => boolean): { path: string; why: string }[] {
  const found: { path: string; why: string }[] = [];
  for (const { path, kind } of tree.entries()) {
    const test = kind === "file" ? TESTS.find(({ matches }) => matches(path)) : undefined;
    if (test !== undefined && !isFixed(path)) found.push({ path, why: test.why });
  }
  return found;
}
