/**
 * The spec file of the `.rpm`. It compiles nothing: its files lie in a folder that the tool has staged. Sources: RPM's
 * reference manual, "Spec file format", "Macros" and "Reproducible builds"; systemd's daemon(7), "Installing
 * systemd service files", for what Debian's rpm has no macros.
 */
import { DESCRIPTION, LICENSE, SUMMARY, type Release } from "./release.ts";
import { rpmDate } from "./control.ts";

/** Whatever rpm of whichever distribution builds it: nothing is stripped, compiled or searched, no clock is read. */
const MACROS = [
  "%global debug_package %{nil}",
  "%global __os_install_post %{nil}",
  "%global __brp_strip %{nil}",
  "%global _build_id_links none",
  "%global _buildhost localhost",
  "%global use_source_date_epoch_as_buildtime 1",
  "%global clamp_mtime_to_source_date_epoch 1",
  "%global source_date_epoch_from_changelog 0",
];

interface SpecFile {
  /** absolute in the system */
  readonly path: string;
  readonly mode: number;
  readonly isLink: boolean;
}

/**
 * @param files  all that the package owns
 * @param folders  those of them that are the package's own, absolute
 * @param units  of the system
 */
export function rpmSpec(
  release: Release,
  tree: { files: readonly SpecFile[]; folders: readonly string[]; units: readonly string[] },
): string {
  return [
    ...MACROS,
    "",
    "Name: stratos",
    `Version: ${release.sortingVersion}`,
    "Release: 1",
    `Summary: ${SUMMARY}`,
    `License: ${LICENSE}`,
    ...(release.homepage === undefined ? [] : [`URL: ${escaped(release.homepage)}`]),
    `Packager: ${escaped(release.maintainer)}`,
    // Of what Node is linked with the newest symbols, by which each distribution finds its own packages.
    "AutoReqProv: no",
    "Requires: /bin/sh, libc.so.6(GLIBC_2.28)(64bit), libgcc_s.so.1()(64bit)",
    "Requires: libstdc++.so.6(GLIBCXX_3.4.21)(64bit)",
    "Recommends: fuse3",
    "",
    "%description",
    DESCRIPTION.map((lines) => lines.join("\n")).join("\n\n"),
    "",
    "%install",
    'cp -a "%{staged}/." "%{buildroot}/"',
    "",
    ...scriptlets(tree.units),
    "%files",
    ...tree.folders.map((path) => `%dir %attr(0755, root, root) ${quoted(path)}`),
    ...tree.files.map(
      ({ path, mode, isLink }) =>
        `${isLink ? "" : `%attr(0${mode.toString(8)}, root, root) `}${marked(path)}${quoted(path)}`,
    ),
    "",
    "%changelog",
    `* ${rpmDate(release.epoch)} ${escaped(release.maintainer)} - ${release.sortingVersion}-1`,
    `- Release ${release.version}; what is new stands in CHANGELOG.md.gz.`,
    "",
  ].join("\n");
}

/** Units are there and not enabled, as in the `.deb`. */
function scriptlets(units: readonly string[]): string[] {
  if (units.length === 0) return [];
  const running = "[ -d /run/systemd/system ] || exit 0";
  const names = units.join(" ");
  return [
    `%post\n${running}\nsystemctl --system daemon-reload >/dev/null 2>&1 || :\n`,
    `%preun\n${running}\n[ "$1" -gt 0 ] || systemctl --no-reload disable --now ${names} >/dev/null 2>&1 || :\n`,
    `%postun\n${running}\nsystemctl --system daemon-reload >/dev/null 2>&1 || :\n` +
      `[ "$1" -eq 0 ] || systemctl try-restart ${names} >/dev/null 2>&1 || :\n`,
  ];
}

/** What `rpm --nodocs` leaves away, and what it never does. */
function marked(path: string): string {
  if (/^\/usr\/share\/(?:doc|licenses)\/stratos\/(?:LICENSE|THIRD)/.test(path)) return "%license ";
  return /^\/usr\/share\/(?:doc|man)\//.test(path) ? "%doc " : "";
}

/** A file's name, which rpm would take for a pattern. */
function quoted(path: string): string {
  return `"${escaped(path).replace(/[[\]{}*?\\"]/g, "\\$&")}"`;
}

function escaped(text: string): string {
  return text.replaceAll("%", "%%");
}
