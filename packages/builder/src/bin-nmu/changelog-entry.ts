/**
 * Binary-only uploads: the same source built anew, because what it was built against has changed. The packages' version
 * is the source's with `+bN` behind it, and an entry of debian/changelog says why; it is no change of the source, so it
 * is written into the unpacked tree only.
 *
 *     hello (2.10-3+b1) trixie; urgency=low, binary-only=yes
 *
 *       * Binary-only non-maintainer upload for amd64; no source changes.
 *       * Rebuild against libgreet2.
 *
 *      -- Stratos builder <builder@localhost>  Sat, 31 Jan 2026 00:00:00 +0000
 *
 * Source: Debian Developer's Reference §5.10.2.1; deb-version(7); sbuild, Build.pm ("Hack binNMU version").
 */
import { civilTime } from "@stratos/formats";
import { SourceError } from "@stratos/pkg";

export interface BinNmu {
  /** N of `+bN` */
  readonly number: number;
  /** one line */
  readonly reason: string;
  /** of the entry, and so of the files in the packages: SOURCE_DATE_EPOCH */
  readonly dateSeconds: number;
  /** NAME <ADDRESS> */
  readonly maintainer?: string;
  /** the source's version must be this one */
  readonly of?: string;
}

/** An entry that was written before, with the version that it gives, as a `.buildinfo` has it. */
export interface ChangelogEntry {
  readonly version: string;
  readonly entry: string;
}

const MAINTAINER = "Stratos builder <builder@localhost>";
const BIN_NMU_MAX = 9_999;
const REASON_MAX = 500;
/** What ends an entry. Source: deb-changelog(5). */
const MAINTAINER_FORM = /^[^<>\p{Cc}]+ <[^<>\s\p{Cc}]+>$/u;

/** @returns what is wrong with it, in words; undefined: nothing */
export function binNmuFault({ number, reason, maintainer }: BinNmu): string | undefined {
  if (!Number.isSafeInteger(number) || number < 1 || number > BIN_NMU_MAX)
    return `the number of a binNMU is from 1 to ${BIN_NMU_MAX}`;
  if (reason.trim() === "" || reason.length > REASON_MAX || /\p{Cc}/u.test(reason))
    return `the reason of a binNMU is one line of at most ${REASON_MAX} characters`;
  if (maintainer !== undefined && !MAINTAINER_FORM.test(maintainer))
    return "the maintainer of a binNMU is NAME <ADDRESS>";
  return undefined;
}

/** @throws SourceError  it is not the version that is to be built anew, or no binNMU */
export function changelogEntry(
  change: BinNmu | ChangelogEntry,
  source: { readonly name: string; readonly version: string },
  { suite, architecture }: { readonly suite: string; readonly architecture: string },
): ChangelogEntry {
  if ("entry" in change) return change;
  const fault = binNmuFault(change);
  if (fault !== undefined) throw new SourceError(fault);
  const { number, reason, dateSeconds, maintainer = MAINTAINER, of = source.version } = change;
  if (of !== source.version)
    throw new SourceError(`${source.name} is version ${source.version}; ${of} was to be built anew`);
  const version = `${source.version}+b${number}`;
  return {
    version,
    entry:
      `${source.name} (${version}) ${suite}; urgency=low, binary-only=yes\n\n` +
      `  * Binary-only non-maintainer upload for ${architecture}; no source changes.\n  * ${reason.trim()}\n\n` +
      ` -- ${maintainer}  ${mailTime(dateSeconds)}\n\n`,
  };
}

/**
 * The entry that the field Binary-Only-Changes holds: lines behind a space, empty ones as a dot. Source:
 * deb-buildinfo(5).
 */
export function entryOfField(field: string): string {
  const lines = field.split("\n").map((line) => line.replace(/^ /, "").replace(/^\.$/, ""));
  return `${lines.join("\n").trim()}\n\n`;
}

/** Writes the entry before the others, whatever the file's owner and mode. Arguments: the entry. */
export const PREPEND_SCRIPT =
  'set -e; old=$(mktemp); cat debian/changelog >"$old"; { printf %s "$1"; cat "$old"; } >debian/changelog; rm "$old"';

/** As `date -R` writes it. Source: RFC 5322 §3.3. */
function mailTime(seconds: number): string {
  const { year, month, day, hour, minute, second } = civilTime(seconds),
    two = (value: number): string => String(value).padStart(2, "0");
  // The epoch was a Thursday.
  const weekday = WEEKDAYS[(Math.floor(seconds / 86_400) + 4) % 7];
  return `${weekday}, ${two(day)} ${MONTHS[month - 1]} ${year} ${two(hour)}:${two(minute)}:${two(second)} +0000`;
}

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
