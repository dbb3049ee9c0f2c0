/**
 * The script that finishes an image inside the guest. Packages are unpacked by us, so what dpkg does around its own
 * unpacking is caught up with: the `preinst` of each package runs first, in order, with the environment that dpkg gives
 * it (deb-preinst(5), dpkg(1) "Internal environment"); then dpkg configures what all others take for granted, and then
 * these.
 *
 * In a Debian root each preinst finds the files of its own and other packages unpacked already, as it does when
 * mmdebstrap or debootstrap extract the base before they let dpkg at it; those scripts are written for that.
 */
import { byteString } from "@stratos/base";
import { configuredFirst } from "./configured-first.ts";
import { infoName, type UnpackedPackage } from "./dpkg-database.ts";
import { POLICY_RC_D } from "./base-layout.ts";

/** Where the script stands in the root; it removes itself when all went well. */
export const CONFIGURE_SCRIPT = "var/lib/dpkg/stratos-configure";

/** Before all else. */
const PREAMBLE = [
  "set -e",
  "cd /",
  "umask 022",
  "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8",
  "export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true DEBCONF_NOWARNINGS=yes",
];

/** dpkg's configuring, of packages or of all; conffiles are in place as they come. */
const CONFIGURE = "dpkg --configure --force-confdef --force-confold";
/** Packages that are added to a root may be configured otherwise: dpkg tells their scripts how (`DPKG_FORCE`). */
const CONFIGURE_ADDED = "dpkg --configure ${DPKG_CONFFILES:---force-confdef --force-confold}";

/** A function of the shell that runs the preinst at a path; the path may use $3, its third argument. */
function preinstFunction(packages: readonly ScriptedPackage[], prepare: readonly string[], path: string): string[] {
  return [
    "preinst() {",
    ...prepare.map((line) => `  ${line}`),
    "  DPKG_MAINTSCRIPT_PACKAGE=$1 DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1 DPKG_MAINTSCRIPT_ARCH=$2 " +
      "DPKG_MAINTSCRIPT_NAME=preinst \\",
    "  DPKG_MAINTSCRIPT_DEBUG=0 DPKG_RUNNING_VERSION=$dpkg_version DPKG_ADMINDIR=/var/lib/dpkg DPKG_ROOT= " +
      "DPKG_FORCE= DEBCONF_PACKAGE=$1 \\",
    `    "${path}" install`,
    "}",
    `dpkg_version=` +
      quote(
        (packages.find((one) => one.name === "dpkg")?.archive.control.get("Version") ?? "0").replace(/^[0-9]+:/, ""),
      ),
  ];
}

/** What scripts are told of a package. */
export type ScriptedPackage = Pick<UnpackedPackage, "name" | "architecture" | "archive">;

/**
 * A preinst that only calls dpkg-maintscript-helper, as debhelper writes them: it does something when another version
 * was there before, and nothing where the package is new. Source: dpkg-maintscript-helper(1); its functions, each of
 * which wants a version as second argument in preinst.
 */
const FOR_UPGRADES_ALONE =
  // wide: one pattern
  /^(#.*|set -e|exit 0|dpkg-maintscript-helper (rm_conffile|mv_conffile|symlink_to_dir|dir_to_symlink)( [\w/.:+\\~-]+)+ -- "\$@")?$/;

/** Whether a package that was not there before does something before it is unpacked. */
export function actsBeforeUnpack({ archive }: Pick<ScriptedPackage, "archive">): boolean {
  const preinst = archive.controlFiles.find(({ name }) => name === "preinst");
  if (preinst === undefined) return false;
  const [interpreter, ...lines] = byteString(preinst.content).split("\n");
  return (
    !/^#! *\/bin\/(sh|bash)( -e)?$/.test(interpreter!) || !lines.every((line) => FOR_UPGRADES_ALONE.test(line.trim()))
  );
}

/**
 * Where the control files of packages stand that are not unpacked yet, each in a folder named by its number; the script
 * is `run` beside them.
 */
export const PREINST_FOLDER = "var/lib/dpkg/stratos-preinst";

/**
 * The script that runs what dpkg runs before it unpacks, for packages whose files are not there yet. dpkg has the
 * control files of the package at hand in `tmp.ci`, where debconf looks for them.
 *
 * @param installed  packages that are there, dpkg among them
 */
export function preinstScript(packages: readonly ScriptedPackage[], installed: readonly ScriptedPackage[]): string {
  const lines = [
    "#!/bin/sh",
    "# Runs what dpkg runs before it unpacks.",
    ...PREAMBLE,
    ...preinstFunction(
      installed,
      [`ln -sfn /${PREINST_FOLDER}/$3 /var/lib/dpkg/tmp.ci`],
      "/var/lib/dpkg/tmp.ci/preinst",
    ),
  ];
  packages.forEach((one, index) => {
    if (actsBeforeUnpack(one)) lines.push(`preinst ${quote(one.name)} ${quote(one.architecture)} ${index}`);
  });
  lines.push("rm -f /var/lib/dpkg/tmp.ci");
  return `${lines.join("\n")}\n`;
}

/**
 * @param packages  in the order of unpacking
 * @param options.hasRunPreinsts  they were run before the packages were unpacked
 */
export function configureScript(
  packages: readonly UnpackedPackage[],
  options: { hasRunPreinsts?: boolean } = {},
): string {
  const lines = [
    "#!/bin/sh",
    "# Finishes an image: runs what dpkg runs before it unpacks, then has dpkg configure every package.",
    ...PREAMBLE,
  ];
  if (options.hasRunPreinsts !== true) {
    lines.push(...preinstFunction(packages, [], "/var/lib/dpkg/info/$3.preinst"));
    const diverted = setAside(packages);
    lines.push(...clearDiverted(diverted));
    for (const one of packages)
      if (actsBeforeUnpack(one))
        lines.push(`preinst ${quote(one.name)} ${quote(one.architecture)} ${quote(infoName(one))}`);
    lines.push(...placeDiverted(diverted));
  }
  const first = configuredFirst(packages),
    configure = options.hasRunPreinsts === true ? CONFIGURE_ADDED : CONFIGURE;
  if (first.length > 0) lines.push(`${configure} ${first.map((one) => quote(infoName(one))).join(" ")}`);
  lines.push(
    `${configure} --pending`,
    // Logs and caches of this run say when it was, which no image should.
    "rm -f /var/log/dpkg.log /var/log/alternatives.log /var/log/bootstrap.log /var/cache/ldconfig/aux-cache " +
      "/var/cache/debconf/*-old",
    `rm -f /${POLICY_RC_D} /${CONFIGURE_SCRIPT}`,
  );
  return `${lines.join("\n")}\n`;
}

/** Each file that stands aside (unpack-package.ts), as words of a shell: its package, its path, where it stands. */
function setAside(packages: readonly UnpackedPackage[]): string[] {
  return packages.flatMap(({ name, setAside: files }) =>
    [...files].map(([path, place]) => [name, `/${path}`, `/${place}`].map(quote).join(" ")),
  );
}

/** While preinsts run, the other package's file stands aside as well: dpkg unpacks it behind its package's preinst. */
function clearDiverted(files: readonly string[]): string[] {
  if (files.length === 0) return [];
  return ['clear_diverted() { mv "$2" "$3-for"; }', ...files.map((words) => `clear_diverted ${words}`)];
}

/**
 * Moves files of which two packages have one to where a preinst has diverted one of them; without a diversion they are
 * in conflict, as they are for dpkg.
 */
function placeDiverted(files: readonly string[]): string[] {
  if (files.length === 0) return [];
  return [
    "place_diverted() {",
    '  place=$(dpkg-divert --truename "$2")',
    '  if [ "$place" = "$2" ]; then',
    '    echo "$1: $2 is in another package too, and none replaces or diverts it: $(dpkg-query -S "$2")" >&2',
    "    exit 1",
    "  fi",
    '  mv "$3" "$place"',
    '  mv "$3-for" "$2"',
    "}",
    ...files.map((words) => `place_diverted ${words}`),
  ];
}

/**
 * The package that a line of the script's output says is being configured, for progress: each package of the plan has
 * one such line. undefined for all other lines.
 */
export function configuredPackage(line: string): string | undefined {
  return /^Setting up ([a-z0-9][a-z0-9+.-]*)(?::[a-z0-9-]+)? \(/.exec(line)?.[1];
}

function quote(word: string): string {
  return /^[A-Za-z0-9_.:+~-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
