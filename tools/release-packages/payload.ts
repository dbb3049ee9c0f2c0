/**
 * What the packages of a Linux distribution install, as one list of files, from which the `.deb` and the `.rpm` are
 * made:
 *
 *     /usr/lib/stratos/            the bundle, with the pinned Node where its launcher looks for it
 *     /usr/bin/stratos             a link to the launcher
 *     /usr/bin/astra               the shell of the system `astra`
 *     /usr/sbin/mount.aegisfs      what mount(8) runs for volumes
 *     /usr/lib/systemd/            units of deploy/systemd, of the system and of users
 *     /usr/share/man/, completions, licences
 *
 * Sources: FHS 3.0 §4; mount(8), "EXTERNAL HELPERS"; systemd.unit(5), "UNIT FILE LOAD PATH".
 */
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { ARCHITECTURES, ReleaseError, type Architecture } from "./release.ts";
import { thirdPartyNotices } from "./third-party.ts";

interface PayloadFile {
  /** relative to the root of the system */
  readonly path: string;
  readonly mode: number;
  /** bytes; or where they are on this host */
  readonly content: Uint8Array | { readonly file: string };
}
interface PayloadLink {
  readonly path: string;
  readonly target: string;
}
export type PayloadEntry = PayloadFile | PayloadLink;

export interface PayloadPlaces {
  /** of the repository */
  readonly root: string;
  readonly dist: string;
  /** of the pinned Node: its folder, see pinned-node.ts */
  readonly node: string;
}

/** Where a distribution has what shells complete by. */
interface CompletionFolders {
  readonly bash: string;
  readonly zsh: string;
  readonly fish: string;
}

export const DOC = "usr/share/doc/stratos";
const HOME = "usr/lib/stratos";
const MAN = "usr/share/man";

export function isLink(entry: PayloadEntry): entry is PayloadLink {
  return "target" in entry;
}

export function sizeOf(file: PayloadFile): number {
  return file.content instanceof Uint8Array ? file.content.length : statSync(file.content.file).size;
}

/** @returns files and links, by path; folders are what their paths name */
export function linuxPayload(
  places: PayloadPlaces,
  architecture: Architecture,
  completions: CompletionFolders,
): PayloadEntry[] {
  const entries: PayloadEntry[] = [
    ...bundleFiles(places.dist).map(({ name, file, mode }) => ({
      path: `${HOME}/${name}`,
      mode,
      content: { file },
    })),
    {
      path: `${HOME}/node_modules/${ARCHITECTURES[architecture].node}/bin/node`,
      mode: 0o755,
      content: { file: join(places.node, "bin/node") },
    },
    { path: "usr/bin/stratos", target: "../lib/stratos/stratos" },
    { path: "usr/bin/astra", target: "../lib/stratos/stratos" },
    { path: "usr/sbin/mount.aegisfs", mode: 0o755, content: Buffer.from(MOUNT_HELPER) },
    ...unitFiles(places.root),
    ...manualPages(places.dist),
    ...completionFiles(places.dist, completions),
    { path: `${DOC}/CHANGELOG.md.gz`, mode: 0o644, content: packed(readFileSync(join(places.root, "CHANGELOG.md"))) },
    { path: `${DOC}/LICENSE.node.gz`, mode: 0o644, content: packed(readFileSync(join(places.node, "LICENSE"))) },
    {
      path: `${DOC}/THIRD-PARTY.gz`,
      mode: 0o644,
      content: packed(Buffer.from(thirdPartyNotices(places.root, inputsOf(places.dist)))),
    },
  ];
  return entries.sort((left, right) => (left.path < right.path ? -1 : 1));
}

/** Of `dist/` what programs and the library need; manual pages and licences have places of their own. */
export function bundleFiles(dist: string): { name: string; file: string; mode: number }[] {
  return globSync("**/*", { cwd: dist, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ name: file.slice(dist.length + 1).replaceAll("\\", "/"), file }))
    .filter(({ name }) => !name.startsWith("man/") && !LEFT_OUT.has(name))
    .map(({ name, file }) => ({ name, file, mode: name === "stratos" ? 0o755 : 0o644 }))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** For a clone alone: times of its sources. Licences stand under /usr/share/doc. */
const LEFT_OUT = new Set(["inputs.json", "LICENSE-MIT", "LICENSE-APACHE"]);

/** The same bytes whenever it is packed: no name, no time. */
export function packed(bytes: Uint8Array): Uint8Array {
  return gzipSync(bytes, { level: 9 });
}

/** Names of the system's units that are among the files: those that the package's scripts stop and reload. */
export function systemUnits(entries: readonly PayloadEntry[]): string[] {
  return entries
    .map(({ path }) => /^usr\/lib\/systemd\/system\/([^/]+)$/.exec(path)?.[1])
    .filter((name) => name !== undefined);
}

/** The units of the deployment files; what `default.target` wants is a user's (systemd.special(7)). */
function unitFiles(root: string): PayloadFile[] {
  return globSync("deploy/systemd/*.service", { cwd: root })
    .sort()
    .map((name) => {
      const content = readFileSync(join(root, name));
      const manager = /^WantedBy=default\.target$/m.test(content.toString()) ? "user" : "system";
      return { path: `usr/lib/systemd/${manager}/${basename(name)}`, mode: 0o644, content };
    });
}

function manualPages(dist: string): PayloadEntry[] {
  return [
    ...globSync("man/*.1", { cwd: dist }).map((name) => ({
      path: `${MAN}/man1/${basename(name)}.gz`,
      mode: 0o644,
      content: packed(readFileSync(join(dist, name))),
    })),
    { path: `${MAN}/man1/astra.1.gz`, mode: 0o644, content: packed(Buffer.from(ASTRA_PAGE)) },
    { path: `${MAN}/man8/mount.aegisfs.8.gz`, target: "../man1/stratos-fs-mount.1.gz" },
  ];
}

/** As the bundle itself says them. */
function completionFiles(dist: string, folders: CompletionFolders): PayloadFile[] {
  const script = (shell: string): Buffer => {
    const args = ["--disable-warning=ExperimentalWarning", "--", join(dist, "main.cjs"), "completion", shell];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      env: { ...process.env, STRATOS_NO_CACHE: "1" },
    });
    if (status !== 0) throw new ReleaseError(`stratos completion ${shell}: ${stderr.toString().trim()}`);
    return stdout;
  };
  return [
    { path: `${folders.bash}/stratos`, mode: 0o644, content: script("bash") },
    { path: `${folders.zsh}/_stratos`, mode: 0o644, content: script("zsh") },
    { path: `${folders.fish}/stratos.fish`, mode: 0o644, content: script("fish") },
  ];
}

function inputsOf(dist: string): Record<string, unknown> {
  const path = join(dist, "inputs.json");
  if (!existsSync(path)) throw new ReleaseError(`${path}: not there: \`npm run build\` makes it`);
  return JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
}

/** mount(8) starts its helpers without PATH; losetup(8) lies in sbin. */
const MOUNT_HELPER = `#!/bin/sh
PATH="\${PATH:+$PATH:}/usr/sbin:/usr/bin:/sbin:/bin"
export PATH
exec /usr/lib/stratos/stratos fs mount "$@"
`;

const ASTRA_PAGE = `.TH ASTRA 1 "" "Stratos" "Stratos Manual"
.SH NAME
astra \\- shell of a system of AstraLisp programs
.SH SYNOPSIS
.B astra
[\\fIoptions\\fR] [\\fB\\-c\\fR \\fIcommands\\fR | \\fIfile\\fR [\\fIargument\\fR ...]]
.br
.B astra \\-\\-lisp
[\\fIfile\\fR [\\fIargument\\fR ...] | \\fB\\-e\\fR \\fIexpression\\fR]
.SH DESCRIPTION
Runs the POSIX shell of the image \\fBastra\\fR, whose shell and utilities are AstraLisp programs, in a machine of
Stratos: \\fBstratos run \\-i astra \\-\\- astra\\fR. Files are those of that machine; \\fBstratos run \\-v\\fR shows it
folders of the host.
At its prompt a line that begins with ( is Lisp.
\\fBastra \\-\\-lisp\\fR is \\fBstratos lisp\\fR, the prompt of AstraLisp on the host.
The image makes itself at its first use.
.SH SEE ALSO
.BR stratos (1),
.BR stratos\\-run (1)
`;
