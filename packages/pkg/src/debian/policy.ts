/**
 * Which versions are preferred: apt's pins. A record for particular packages goes before one for all; within a kind the
 * first that fits counts; what no record names has the priority of its origin. Source: apt_preferences(5).
 */
import type { BinaryPackage, PackageOrigin } from "./binary-package.ts";
import { parseControl } from "./control.ts";
import type { PriorityOf } from "./package-index.ts";

/** A malformed preferences file; the message names the record. */
export class PolicyError extends Error {
  override name = "PolicyError";
}

export interface Pin {
  /** whether the record is for all packages */
  isGeneral: boolean;
  matches(one: BinaryPackage): boolean;
  priority: number;
}

/** apt_preferences(5), "Target release": what `-t` gives a release. */
const TARGET_PRIORITY = 990;
/** From here on, even an older version replaces a newer one. */
export const DOWNGRADE_PRIORITY = 1000;

const RELEASE_KEYS = {
  a: "archive",
  n: "codename",
  o: "origin",
  l: "label",
  c: "component",
  v: "version",
  b: "architecture",
} as const;

/**
 * Reads a preferences file.
 *
 * @param source  for messages
 * @throws PolicyError, ControlError
 */
export function parsePreferences(text: string, source: string): Pin[] {
  const pins: Pin[] = [];
  for (const stanza of parseControl(text, source)) {
    const names = stanza.get("Package"),
      pin = stanza.get("Pin"),
      priority = stanza.get("Pin-Priority");
    if (names === undefined && pin === undefined) continue;
    if (names === undefined || pin === undefined)
      throw new PolicyError(`${source}: a record needs Package and Pin: ${names ?? pin}`);
    if (priority === undefined || !/^[+-]?[0-9]{1,5}$/.test(priority))
      throw new PolicyError(`${source}: ${names}: Pin-Priority is no number: ${priority ?? "missing"}`);
    const isGeneral = names.trim() === "*";
    const fitsName = isGeneral ? (): boolean => true : nameMatcher(names);
    const fitsVersion = versionMatcher(pin, `${source}: ${names}`);
    pins.push({ isGeneral, priority: Number(priority), matches: (one) => fitsName(one) && fitsVersion(one) });
  }
  return pins;
}

/** The pin that `-t RELEASE` and `APT::Default-Release` stand for: also a pattern, or `a=…,n=…`. @throws PolicyError */
export function targetRelease(release: string): Pin {
  const fits = releaseMatcher(release, release);
  return { isGeneral: true, priority: TARGET_PRIORITY, matches: (one) => fits(one.origin) };
}

/**
 * apt refuses a target that would be none. Source: apt-pkg/policy.cc, `InitDefaults`.
 *
 * @param where  who named it
 * @throws PolicyError  no list is of the release
 */
export function requireRelease(release: string, origins: readonly PackageOrigin[], where: string): void {
  const fits = releaseMatcher(release, where);
  if (release === "now" || origins.length === 0 || origins.some((origin) => fits(origin))) return;
  const there = origins.flatMap(({ release: one }) => (one === undefined ? [] : [one.codename, one.archive]));
  const present = [...new Set(there)].filter((one) => one !== "").join(", ");
  throw new PolicyError(`${where}: no source is of the release ${release}, only of ${present}`);
}

/** Whether `release`, an archive's name, a codename or a version, means what an origin is. */
export function isOfRelease({ release: own }: PackageOrigin, release: string): boolean {
  return own !== undefined && [own.archive, own.codename, own.version].includes(release);
}

/** What versions are worth under `pins`. */
export function priorities(pins: readonly Pin[]): PriorityOf {
  const ordered = [...pins.filter((pin) => !pin.isGeneral), ...pins.filter((pin) => pin.isGeneral)];
  return (one) => ordered.find((pin) => pin.matches(one))?.priority ?? one.origin.priority;
}

function nameMatcher(names: string): (one: BinaryPackage) => boolean {
  const tests = names
    .split(/\s+/)
    .filter((name) => name !== "")
    .map((name) => {
      const isSource = name.startsWith("src:");
      const [pattern, architecture] = splitArchitecture(isSource ? name.slice(4) : name);
      const fits = patternOf(pattern);
      return (one: BinaryPackage): boolean =>
        fits(isSource ? one.source : one.name) &&
        (architecture === undefined || architecture === "any" || one.architecture === architecture);
    });
  return (one) => tests.some((test) => test(one));
}

function splitArchitecture(name: string): [string, string | undefined] {
  if (name.startsWith("/")) return [name, undefined];
  const colon = name.lastIndexOf(":");
  return colon < 0 ? [name, undefined] : [name.slice(0, colon), name.slice(colon + 1)];
}

/** A glob, or `/regular expression/`. Expressions of bounded size only: they come from the user's own files. */
function patternOf(pattern: string): (text: string) => boolean {
  const expression = /^\/(.*)\/$/.exec(pattern)?.[1];
  if (expression !== undefined) {
    try {
      const compiled = new RegExp(expression);
      return (text) => compiled.test(text);
    } catch (cause) {
      throw new PolicyError(`not a regular expression: ${pattern}`, { cause });
    }
  }
  return globOf(pattern);
}

/** `*`, `?` and `[…]` as fnmatch(3) has them. */
export function globOf(glob: string): (text: string) => boolean {
  const escaped = glob
    .replace(/[.+^${}()|\\]/g, "\\$&")
    .replace(/\*+/g, ".*")
    .replace(/\?/g, ".")
    .replace(/\[!/g, "[^");
  let compiled: RegExp;
  try {
    compiled = new RegExp(`^${escaped}$`);
  } catch (cause) {
    throw new PolicyError(`not a pattern: ${glob}`, { cause });
  }
  return (text) => compiled.test(text);
}

function versionMatcher(pin: string, where: string): (one: BinaryPackage) => boolean {
  const space = pin.search(/\s/);
  const kind = space < 0 ? pin : pin.slice(0, space),
    rest = space < 0 ? "" : pin.slice(space + 1).trim();
  switch (kind) {
    case "version": {
      const fits = patternOf(rest);
      return (one) => fits(one.version);
    }
    case "origin": {
      const host = rest.replace(/^"(.*)"$/, "$1");
      return (one) => one.origin.release !== undefined && hostOf(one.origin.baseUrl) === host;
    }
    case "release": {
      const fits = releaseMatcher(rest, where);
      return (one) => fits(one.origin);
    }
    default:
      throw new PolicyError(`${where}: Pin begins with version, origin or release, not ${kind}`);
  }
}

/** @param words  `a=stable,c=main`; without a letter an archive's name, a codename or a version */
function releaseMatcher(words: string, where: string): (origin: PackageOrigin) => boolean {
  const tests = words.split(",").map((part): ((release: NonNullable<PackageOrigin["release"]>) => boolean) => {
    const equals = part.indexOf("=");
    const key = part.slice(0, Math.max(0, equals)).trim();
    const fits = patternOf(part.slice(equals + 1).trim());
    if (equals < 0) return (release) => fits(release.archive) || fits(release.codename) || fits(release.version);
    if (!(key in RELEASE_KEYS))
      throw new PolicyError(`${where}: a release is told by a, n, o, l, c, v and b, not by ${key}`);
    const field = RELEASE_KEYS[key as keyof typeof RELEASE_KEYS];
    return (release) => fits(release[field]);
  });
  return ({ release }) => release !== undefined && tests.every((test) => test(release));
}

function hostOf(url: string): string {
  return /^[a-z]+:\/\/([^/:]*)/.exec(url)?.[1] ?? "";
}
