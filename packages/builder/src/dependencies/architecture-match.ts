/**
 * Whether an architecture is among those that a list of a source package means. Source: Debian Policy §11.1;
 * deb-src-control(5); dpkg's tupletable.
 */

/** Names whose tuple is not gnu-linux-NAME. Source: dpkg, data/tupletable and data/cputable. */
const TUPLES: Readonly<Record<string, readonly [abi: string, libc: string, os: string, cpu: string]>> = {
  armhf: ["eabihf", "gnu", "linux", "arm"],
  armel: ["eabi", "gnu", "linux", "arm"],
  x32: ["x32", "gnu", "linux", "amd64"],
  mips64el: ["abi64", "gnu", "linux", "mips64el"],
  mips64: ["abi64", "gnu", "linux", "mips64"],
  "hurd-i386": ["base", "gnu", "hurd", "i386"],
  "hurd-amd64": ["base", "gnu", "hurd", "amd64"],
};

function tupleOf(name: string): readonly string[] {
  const own = TUPLES[name];
  if (own !== undefined) return own;
  const parts = name.split("-");
  return parts.length === 2
    ? ["base", parts[0] === "musl" ? "musl" : "gnu", parts[0] === "musl" ? "linux" : parts[0]!, parts[1]!]
    : ["base", "gnu", "linux", name];
}

/** @param pattern  a name, `any`, or a wildcard as `linux-any`, `any-arm` */
export function matchesArchitecture(architecture: string, pattern: string): boolean {
  if (pattern === architecture || pattern === "any") return true;
  const parts = pattern.split("-");
  if (parts.length < 2 || !parts.includes("any")) return false;
  const tuple = tupleOf(architecture),
    wildcard = [...Array<string>(4 - parts.length).fill("any"), ...parts];
  return wildcard.every((part, index) => part === "any" || part === tuple[index]);
}

/** `amd64 i386` is a list of the one, `!amd64 !i386` of all others. */
export function isInArchitectureList(architecture: string, list: string): boolean {
  const patterns = list
    .trim()
    .split(/\s+/)
    .filter((one) => one !== "");
  const isNegated = patterns[0]?.startsWith("!") === true;
  return patterns.some((one) => matchesArchitecture(architecture, one.replace(/^!/, ""))) !== isNegated;
}
