/**
 * The words of the `.deb`: its control file, scripts, copyright, changelog, and what lintian is told. Sources: Debian
 * Policy 4.7 §5.3, §6.5, §12.5, §12.7 (a native package has `changelog.gz`); deb-changelog(5); "Machine-readable
 * debian/copyright file" 1.0.
 */
import { ARCHITECTURES, DESCRIPTION, SUMMARY, type Architecture, type Release } from "./release.ts";

/**
 * What the pinned Node is linked with: symbols up to GLIBC_2.28 and GLIBCXX_3.4.21. Node itself is in the package:
 * Debian's is older than what Stratos runs on, and the speed of translated code depends on V8's release (decisions 0002
 * and 0053).
 */
const DEPENDS = "libc6 (>= 2.28), libgcc-s1 (>= 3.0), libstdc++6 (>= 5.2)";

export function debControl(release: Release, architecture: Architecture): string {
  const paragraphs = DESCRIPTION.map((lines) => lines.map((line) => ` ${line}\n`).join("")).join(" .\n");
  return (
    `Package: stratos\nVersion: ${release.sortingVersion}\nArchitecture: ${architecture}\n` +
    `Maintainer: ${release.maintainer}\nSection: utils\nPriority: optional\n` +
    (release.homepage === undefined ? "" : `Homepage: ${release.homepage}\n`) +
    `Depends: ${DEPENDS}\nRecommends: fuse3\nSuggests: git, postgresql, qemu-user-static, uidmap\n` +
    `Description: ${SUMMARY}\n${paragraphs}`
  );
}

/**
 * Units are there and not enabled: a hub and a worker need their settings first. What an administrator has enabled goes
 * on after an upgrade, with the new program, and is forgotten when the package is purged. What services have stored
 * below /var/lib stays: it is the administrator's.
 *
 * @param units  of the system
 * @returns name of the script → its text; none without units
 */
export function maintainerScripts(units: readonly string[]): Record<string, string> {
  if (units.length === 0) return {};
  const names = units.join(" ");
  // Not every root has systemd, or init-system-helpers, whose absence is no failure of ours.
  const helper = (verb: string): string =>
    `if [ -x /usr/bin/deb-systemd-helper ]; then\n    deb-systemd-helper ${verb} ${names} >/dev/null || true\n  fi`;
  return {
    postinst: script(
      `if [ "$1" = configure ]; then\n  ${helper("update-state")}\n` +
        `  if [ -d /run/systemd/system ]; then\n    systemctl --system daemon-reload >/dev/null || true\n` +
        `    if [ -n "$2" ]; then deb-systemd-invoke try-restart ${names} >/dev/null || true; fi\n  fi\nfi`,
    ),
    prerm: script(
      `if [ "$1" = remove ] && [ -d /run/systemd/system ]; then\n` +
        `  deb-systemd-invoke stop ${names} >/dev/null || true\nfi`,
    ),
    postrm: script(
      `if [ "$1" = remove ] && [ -d /run/systemd/system ]; then\n` +
        `  systemctl --system daemon-reload >/dev/null || true\nfi\n` +
        `if [ "$1" = purge ]; then\n  ${helper("purge")}\nfi`,
    ),
  };
}

function script(text: string): string {
  return `#!/bin/sh\nset -e\n${text}\n`;
}

export function debChangelog(release: Release): string {
  return (
    `stratos (${release.sortingVersion}) unstable; urgency=medium\n\n` +
    `  * Release ${release.version}; what is new stands in CHANGELOG.md.gz beside this file.\n\n` +
    ` -- ${release.maintainer}  ${rfc5322Date(release.epoch)}\n`
  );
}

/** @param mit  text of LICENSE-MIT */
export function debCopyright(release: Release, mit: string): string {
  const holder = /^Copyright \(c\) (.+)$/m.exec(mit)?.[1] ?? "The Stratos authors";
  const terms = mit.slice(mit.indexOf("Permission is hereby granted")).trim();
  const body = terms
    .split("\n")
    .map((line) => (line.trim() === "" ? " ." : ` ${line}`))
    .join("\n");
  return (
    "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: stratos\n" +
    (release.homepage === undefined ? "" : `Source: ${release.homepage}\n`) +
    `\nFiles: *\nCopyright: ${holder}\nLicense: MIT or Apache-2.0\n` +
    "Comment: Libraries that are joined into the programs have licences of their own:\n" +
    " /usr/share/doc/stratos/THIRD-PARTY.gz has each with its text.\n" +
    "\nFiles: usr/lib/stratos/node_modules/*\nCopyright: Node.js contributors\nLicense: Node\n" +
    " The terms of Node.js and of what it holds stand in\n /usr/share/doc/stratos/LICENSE.node.gz\n" +
    `\nLicense: MIT\n${body}\n` +
    "\nLicense: Apache-2.0\n On Debian systems, the text of the Apache License version 2.0 is in\n" +
    " /usr/share/common-licenses/Apache-2.0\n"
  );
}

/** The pinned Node is Node's own build, byte for byte as the lock file's hash has it: not ours to strip or relink. */
export function lintianOverrides(architecture: Architecture): string {
  const node = `usr/lib/stratos/node_modules/${ARCHITECTURES[architecture].node}/bin/node`;
  const tags = ["unstripped-binary-or-object", "embedded-library", "hardening-no-pie"];
  return (
    "# The pinned Node is published by its own project and has the hash that the lock file names.\n" +
    tags.map((tag) => `stratos: ${tag} *${node}*\n`).join("") +
    "# /usr/bin/stratos gives it to a Node.\nstratos: script-not-executable *usr/lib/stratos/stratos.mjs*\n"
  );
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `Thu, 26 Nov 2026 02:00:00 +0000` (deb-changelog(5)). */
function rfc5322Date(epoch: number): string {
  const date = new Date(epoch * 1000);
  const two = (value: number): string => String(value).padStart(2, "0");
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(":");
  return (
    `${DAYS[date.getUTCDay()]}, ${two(date.getUTCDate())} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()} ` +
    `${time} +0000`
  );
}

/** `Thu Nov 26 2026`, as rpm's %changelog has it. */
export function rpmDate(epoch: number): string {
  const [day, date, month, year] = rfc5322Date(epoch).split(/,? /);
  return `${day} ${month} ${date} ${year}`;
}
