/**
 * apt's lists of sources, in both of their forms, and the choice of a mirror of Debian among them.
 * Source: sources.list(5).
 */
import { closestName, slipsOfWord } from "@stratos/base";
import { FetchError } from "../ports.ts";
import { parseControl } from "./control.ts";

export interface SourceEntry {
  uri: string;
  suite: string;
  components: string[];
  /** paths of keyrings, fingerprints of keys, or an armored key itself */
  signedBy: string | undefined;
  /** lists that have expired serve too: for snapshots of the past */
  isExpiredGood?: true;
  /** believed without a signature */
  isTrusted?: true;
  /** for these architectures alone */
  architectures?: string[];
  /** and for these, which come to the system's own and to those above */
  moreArchitectures?: string[];
  /** and not for these */
  lessArchitectures?: string[];
  /** the archive as it was then, `20260101T000000Z`; `no`: never another time's */
  snapshot?: string;
}

/** No mirror of Debian is known; the message says what to set. */
export class MirrorError extends Error {
  override name = "MirrorError";
}

const HOW_TO_NAME =
  'with --mirror URL, or STRATOS_MIRROR=URL in the environment, or "mirror" in config.json (a URL such as that ' +
  "of an apt source, under which dists/ and pool/ are found)";
export const NO_MIRROR = `no Debian mirror is known: name one ${HOW_TO_NAME}`;

/** What holds a suite's packages does not answer. */
export class UnreachableError extends MirrorError {
  readonly uri: string;
  /** Without where another mirror can be named. */
  readonly words: string;
  /** @param isMirror  Debian's; else a repository beside it */
  constructor(uri: string, isMirror: boolean, cause: Error) {
    const end = /[.?!]$/.test(cause.message) ? "" : ".";
    const advice = "Check the network and its proxy (http_proxy, https_proxy)";
    const words = `${uri} cannot be used: ${cause.message}${end} ${advice}`;
    super(isMirror ? `the Debian mirror ${words}, or name another mirror ${HOW_TO_NAME}` : `the repository ${words}`, {
      cause,
    });
    this.uri = uri;
    this.words = words;
  }
}

const KNOWN_SUITES = [
  "stable",
  "testing",
  "unstable",
  "oldstable",
  "oldoldstable",
  "experimental",
  "sid",
  "forky",
  "trixie",
  "bookworm",
  "bullseye",
].flatMap((one) => [one, `${one}-updates`, `${one}-backports`, `${one}-security`]);

/** A mirror answers, and has no such suite. */
export class SuiteError extends MirrorError {
  readonly uri: string;
  readonly suite: string;
  constructor({ uri, suite }: { uri: string; suite: string }, cause: Error) {
    const meant = KNOWN_SUITES.includes(suite) ? undefined : closestName(suite, KNOWN_SUITES, slipsOfWord);
    super(`${uri} has no suite ${suite}${meant === undefined ? "" : `; did you mean ${meant}?`} (${cause.message})`, {
      cause,
    });
    this.uri = uri;
    this.suite = suite;
  }
}

/**
 * What a suite whose lists cannot be loaded is told as.
 *
 * @param isMirror  Debian's; else a repository beside it
 */
export function repositoryError(place: { uri: string; suite: string }, isMirror: boolean, error: unknown): unknown {
  if (!(error instanceof FetchError)) return error;
  return error.isPermanent ? new SuiteError(place, error) : new UnreachableError(place.uri, isMirror, error);
}

/**
 * One-line form: `deb [signed-by=/…] URI SUITE COMPONENT…`. Lines that do not have it are skipped, as apt's own parts
 * may.
 */
export function parseSourcesList(text: string): SourceEntry[] {
  const entries: SourceEntry[] = [];
  for (const line of text.split("\n")) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (match === null) continue;
    const signedBy = /(?:^|\s)signed-by=(\S+)/.exec(match[1] ?? "")?.[1];
    const isExpiredGood = isNo(/(?:^|\s)check-valid-until=(\S+)/.exec(match[1] ?? "")?.[1]);
    const architecturesOf = (name: string): string[] | undefined =>
      new RegExp(`(?:^|\\s)${name}=(\\S+)`).exec(match[1] ?? "")?.[1]?.split(",");
    const snapshot = snapshotOf(/(?:^|\s)snapshot=(\S+)/.exec(match[1] ?? "")?.[1]);
    entries.push({
      uri: match[2]!,
      suite: match[3]!,
      components: match[4]!.split(/\s+/).filter((word) => word !== ""),
      signedBy,
      ...(isExpiredGood ? { isExpiredGood } : {}),
      ...(isYes(/(?:^|\s)trusted=(\S+)/.exec(match[1] ?? "")?.[1]) ? { isTrusted: true as const } : {}),
      ...choiceOf(architecturesOf("arch"), architecturesOf("arch\\+"), architecturesOf("arch-")),
      ...(snapshot === undefined ? {} : { snapshot }),
    });
  }
  return entries;
}

function choiceOf(
  only: string[] = [],
  more: string[] = [],
  less: string[] = [],
): Pick<SourceEntry, "architectures" | "moreArchitectures" | "lessArchitectures"> {
  return {
    ...(only.length > 0 ? { architectures: only } : {}),
    ...(more.length > 0 ? { moreArchitectures: more } : {}),
    ...(less.length > 0 ? { lessArchitectures: less } : {}),
  };
}

/** Whether a source has lists for one of the system's architectures. Source: sources.list(5), `arch`. */
export function isForArchitecture(source: SourceEntry, architecture: string): boolean {
  const { architectures, moreArchitectures = [], lessArchitectures = [] } = source;
  return (
    (architectures === undefined || [...architectures, ...moreArchitectures].includes(architecture)) &&
    !lessArchitectures.includes(architecture)
  );
}

// The words for yes and no that apt knows. Source: apt-pkg/contrib/strutl.cc, `StringToBool`.
const isYes = (word = ""): boolean => /^(1|yes|true|with|on|enable)$/i.test(word.trim());
const isNo = (word = ""): boolean => /^(0|no|false|without|off|disable)$/i.test(word.trim());

/** sources.list(5), Snapshot: `enable` and `yes` leave the time to the command line. */
function snapshotOf(value: string | undefined): string | undefined {
  return value === undefined || isYes(value) ? undefined : isNo(value) ? "no" : value;
}

/** @throws MirrorError  it is no time of a snapshot: a day or hour that does not exist is none either */
export function requireSnapshotTime(snapshot: string): void {
  const match = /^([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z$/.exec(snapshot);
  const [year, month, day, hour, minute, second] = (match ?? []).slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const daysOf = (): number =>
    month === 2
      ? year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
        ? 29
        : 28
      : [4, 6, 9, 11].includes(month)
        ? 30
        : 31;
  if (match === null || month < 1 || month > 12 || day < 1 || day > daysOf() || hour > 23 || minute > 59 || second > 59)
    throw new MirrorError(`not the time of a snapshot: ${snapshot} (it looks like 20260101T000000Z)`);
}

/**
 * Where an archive stands as it was at a time.
 *
 * @param template  with `@SNAPSHOTID@` for the time and `@ARCHIVE@` for the last part of the archive's URI; a plain URL
 *   means `URL/@ARCHIVE@/@SNAPSHOTID@`
 * @param snapshot  `20260101T000000Z`
 * @throws MirrorError  that is no time
 */
export function snapshotUri(template: string, uri: string, snapshot: string): string {
  requireSnapshotTime(snapshot);
  const archive = uri.replace(/\/+$/, "").split("/").at(-1)!;
  const whole = template.includes("@SNAPSHOTID@") ? template : `${template.replace(/\/+$/, "")}/@ARCHIVE@/@SNAPSHOTID@`;
  return whole.replaceAll("@ARCHIVE@", archive).replaceAll("@SNAPSHOTID@", snapshot).replace(/\/+$/, "");
}

/** No place of snapshots is known. */
export const NO_SNAPSHOTS =
  "no snapshots of it are known: its Release file names none; name their place with STRATOS_SNAPSHOTS=URL in the " +
  'environment or "snapshots" in config.json, under which ARCHIVE/TIME is found, or with @ARCHIVE@ and ' +
  "@SNAPSHOTID@ in it";

/** deb822 form (`*.sources`). Entries that are disabled or lack a field are skipped. */
export function parseSourcesStanzas(text: string, source: string): SourceEntry[] {
  const entries: SourceEntry[] = [];
  for (const stanza of parseControl(text, source)) {
    const words = (field: string): string[] => (stanza.get(field) ?? "").split(/\s+/).filter((word) => word !== "");
    if (!words("Types").includes("deb") || isNo(stanza.get("Enabled"))) continue;
    for (const uri of words("URIs")) {
      const snapshot = snapshotOf(stanza.get("Snapshot")?.trim());
      for (const suite of words("Suites"))
        entries.push({
          uri,
          suite,
          components: words("Components"),
          signedBy: stanza.get("Signed-By"),
          ...(isNo(stanza.get("Check-Valid-Until")) ? { isExpiredGood: true as const } : {}),
          ...(isYes(stanza.get("Trusted")) ? { isTrusted: true as const } : {}),
          ...choiceOf(words("Architectures"), words("Architectures-Add"), words("Architectures-Remove")),
          ...(snapshot === undefined ? {} : { snapshot }),
        });
    }
  }
  return entries;
}

const DEBIAN_SUITES = new Set([
  "bullseye",
  "bookworm",
  "trixie",
  "forky",
  "duke",
  "sid",
  "oldoldstable",
  "oldstable",
  "stable",
  "testing",
  "unstable",
]);

/**
 * The mirror of Debian's main archive among a host's sources: whatever suite the host follows, the same URI has the
 * guest's. Archives of security updates and of others are passed over.
 */
export function chooseMirror(entries: readonly SourceEntry[]): SourceEntry | undefined {
  return entries.find(
    (entry) =>
      /^(https?|file):/.test(entry.uri) &&
      DEBIAN_SUITES.has(entry.suite) &&
      entry.components.includes("main") &&
      !/security/.test(entry.uri),
  );
}
