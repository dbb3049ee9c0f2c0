/**
 * The indices of a repository of one's own: `Packages` and `Contents` for each component and architecture, and the
 * `Release` that lists them. Descriptions stand whole in `Packages`, so that there is no `Translation`. Every index
 * also stands under its hash, so that a client which is between two versions finds all of one. Source:
 * https://wiki.debian.org/DebianRepository/Format; apt-ftparchive(1).
 */
import { byteStringOf, utf8ToByteString } from "@stratos/base";
import type { Hasher } from "../../ports.ts";
import { Stanza } from "../control.ts";
import { ReleaseError } from "../release.ts";
import { compareVersions } from "../version.ts";

export interface ArchiveSettings {
  suite: string;
  codename: string;
  origin: string;
  label: string;
  description: string;
  /** `all` is understood */
  architectures: readonly string[];
  components: readonly string[];
  /** days for which a signed list is to be believed; 0: for ever */
  validDays: number;
}

/** A package in the pool. */
export interface PoolEntry {
  component: string;
  /** path below the repository's root: `pool/main/h/hello/hello_1.0_all.deb` */
  filename: string;
  control: Stanza;
  sizeBytes: number;
  md5: string;
  sha256: string;
  /** paths of its files, without a leading slash */
  files: readonly string[];
}

export interface ArchiveTools {
  hasher(algorithm: "sha256" | "md5"): Hasher;
  gzip(bytes: Uint8Array): Uint8Array;
}

export interface ArchiveFile {
  path: string;
  bytes: Uint8Array;
}

/** @throws ReleaseError  a setting that a Release file cannot hold */
export function checkSettings(settings: ArchiveSettings): void {
  const word = (what: string, text: string): void => {
    if (!/^[A-Za-z0-9][A-Za-z0-9._+-]*$/.test(text))
      throw new ReleaseError(
        `${what}: ${JSON.stringify(text)} has other characters than letters, digits, ., _, + and -`,
      );
  };
  word("suite", settings.suite);
  word("codename", settings.codename);
  for (const component of settings.components) word("component", component);
  for (const architecture of settings.architectures) word("architecture", architecture);
  if (settings.components.length === 0 || settings.architectures.length === 0)
    throw new ReleaseError("a repository needs a component and an architecture");
  for (const text of [settings.origin, settings.label, settings.description])
    if (/[\n\r]/.test(text)) throw new ReleaseError(`more than one line: ${JSON.stringify(text)}`);
  if (!Number.isInteger(settings.validDays) || settings.validDays < 0 || settings.validDays > 36_500)
    throw new ReleaseError("the days of validity are a number from 0 to 36500");
}

/** Where a package stands in the pool: `lib` packages by four letters, others by one (Debian's own rule). */
export function poolPath(control: Stanza, component: string, fileName: string): string {
  const source = (control.get("Source") ?? control.get("Package") ?? "").split(" ")[0]!;
  const folder = source.slice(0, source.startsWith("lib") ? 4 : 1);
  return `pool/${component}/${folder}/${source}/${fileName}`;
}

/**
 * All files below `dists/SUITE` but the signatures; `Release` is the last, so that writing in order is safe.
 *
 * @param dateSeconds  of the Release
 * @throws ReleaseError  two packages of one name, version and architecture; an architecture that the settings don't
 *   name
 */
export function archiveFiles(
  settings: ArchiveSettings,
  pool: readonly PoolEntry[],
  dateSeconds: number,
  tools: ArchiveTools,
): ArchiveFile[] {
  checkSettings(settings);
  const architectures = settings.architectures.filter((one) => one !== "all");
  const seen = new Map<string, string>();
  for (const { control, filename, component } of pool) {
    const architecture = control.get("Architecture") ?? "";
    const key = `${control.get("Package")} ${control.get("Version")} ${architecture}`;
    if (seen.has(key))
      throw new ReleaseError(`${key}: is in the repository twice, as ${seen.get(key)} and ${filename}`);
    seen.set(key, filename);
    if (architecture !== "all" && !architectures.includes(architecture))
      throw new ReleaseError(`${filename}: is for ${architecture}, and the repository for ${architectures.join(", ")}`);
    if (!settings.components.includes(component))
      throw new ReleaseError(
        `${filename}: is in ${component}, and the repository has ${settings.components.join(", ")}`,
      );
  }
  const files: ArchiveFile[] = [];
  const listed: { path: string; sizeBytes: number; md5: string; sha256: string }[] = [];
  const add = (path: string, bytes: Uint8Array): void => {
    const sha256 = digest(tools, "sha256", bytes);
    const slash = path.lastIndexOf("/");
    files.push({ path: `${path.slice(0, slash)}/by-hash/SHA256/${sha256}`, bytes }, { path, bytes });
    listed.push({ path, sizeBytes: bytes.length, md5: digest(tools, "md5", bytes), sha256 });
  };
  for (const component of settings.components) {
    for (const architecture of architectures) {
      const folder = `${component}/binary-${architecture}`;
      const entries = pool.filter(
          (one) => one.component === component && ["all", architecture].includes(one.control.get("Architecture") ?? ""),
        ),
        text = packagesText(entries);
      add(`${folder}/Packages`, text);
      add(`${folder}/Packages.gz`, tools.gzip(text));
      const own = new Stanza([
        ["Archive", settings.suite],
        ["Component", component],
        ["Origin", settings.origin],
        ["Label", settings.label],
        ["Architecture", architecture],
      ]);
      add(`${component}/Contents-${architecture}.gz`, tools.gzip(contentsText(entries)));
      add(`${folder}/Release`, byteStringOf(utf8ToByteString(own.toString())));
    }
  }
  const hashes = (name: "md5" | "sha256"): string =>
    listed.map((one) => `\n ${one[name]} ${String(one.sizeBytes).padStart(9)} ${one.path}`).join("");
  const release = new Stanza();
  const put = (name: string, value: string): void => {
    if (value !== "") release.set(name, value);
  };
  put("Origin", settings.origin);
  put("Label", settings.label);
  put("Suite", settings.suite);
  put("Codename", settings.codename);
  put("Date", dateText(dateSeconds));
  if (settings.validDays > 0) put("Valid-Until", dateText(dateSeconds + settings.validDays * 86_400));
  put("Acquire-By-Hash", "yes");
  put("Architectures", [...architectures, "all"].join(" "));
  // Each architecture's list holds the packages for all, too.
  put("No-Support-for-Architecture-all", "Packages");
  put("Components", settings.components.join(" "));
  put("Description", settings.description);
  put("MD5Sum", hashes("md5"));
  put("SHA256", hashes("sha256"));
  files.push({ path: "Release", bytes: byteStringOf(utf8ToByteString(release.toString())) });
  return files;
}

function packagesText(entries: readonly PoolEntry[]): Uint8Array {
  const name = (entry: PoolEntry): string => entry.control.get("Package") ?? "";
  const sorted = [...entries].sort((left, right) =>
    name(left) < name(right)
      ? -1
      : name(left) > name(right)
        ? 1
        : compareVersions(right.control.get("Version") ?? "", left.control.get("Version") ?? ""),
  );
  return byteStringOf(
    sorted
      .map((entry) => {
        const stanza = new Stanza(entry.control);
        // Said by the repository, whatever the package says of itself.
        for (const field of ["Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512"]) stanza.delete(field);
        stanza.set("Filename", entry.filename);
        stanza.set("Size", String(entry.sizeBytes));
        stanza.set("MD5sum", entry.md5);
        stanza.set("SHA256", entry.sha256);
        return stanza.toString();
      })
      .join("\n"),
  );
}

/** Which packages bring a path, for apt-file(1): `PATH SECTION/PACKAGE,…`, by path. */
function contentsText(entries: readonly PoolEntry[]): Uint8Array {
  const owners = new Map<string, Set<string>>();
  for (const { control, files } of entries) {
    const owner = `${control.get("Section") ?? "unknown"}/${control.get("Package") ?? ""}`;
    for (const path of files) owners.set(path, (owners.get(path) ?? new Set()).add(owner));
  }
  return byteStringOf(
    [...owners]
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([path, names]) => `${path.padEnd(55)} ${[...names].sort().join(",")}\n`)
      .join(""),
  );
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** RFC 5322's date, in UTC as Release files have it. */
function dateText(seconds: number): string {
  const date = new Date(seconds * 1000);
  const two = (value: number): string => String(value).padStart(2, "0");
  return (
    `${DAYS[date.getUTCDay()]}, ${two(date.getUTCDate())} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()} ` +
    `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} UTC`
  );
}

function digest(tools: ArchiveTools, algorithm: "sha256" | "md5", bytes: Uint8Array): string {
  const hasher = tools.hasher(algorithm);
  hasher.update(bytes);
  return hasher.hex();
}
