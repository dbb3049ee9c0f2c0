/**
 * Versions as pacman orders them: `[epoch:]version[-release]`.
 *
 * A part is cut into runs of digits and runs of letters; whatever is neither only separates, but a longer separator
 * makes the newer version. Digits beat letters, and a version that goes on with digits beats one that ended, while
 * letters there (`1.0rc1`) make it older. The release counts only where both have one, so that `foo>=1.2` means any
 * release.
 *
 * Source: vercmp(8), "EXAMPLES"; the order is checked against pacman itself in version.test.ts.
 */

/** @returns below zero when `left` is older, above when it is newer, 0 when they are equal */
export function compareAlpmVersions(left: string, right: string): number {
  if (left === right) return 0;
  const one = splitVersion(left),
    other = splitVersion(right);
  const order = compareParts(one.epoch, other.epoch) || compareParts(one.version, other.version);
  if (order !== 0 || one.release === undefined || other.release === undefined) return order;
  return compareParts(one.release, other.release);
}

interface VersionParts {
  epoch: string;
  version: string;
  release: string | undefined;
}

function splitVersion(text: string): VersionParts {
  let start = 0;
  while (isDigit(text.charCodeAt(start))) start++;
  const hasEpoch = text.charAt(start) === ":";
  const dash = text.lastIndexOf("-");
  const hasRelease = dash >= start;
  return {
    epoch: hasEpoch && start > 0 ? text.slice(0, start) : "0",
    version: text.slice(hasEpoch ? start + 1 : 0, hasRelease ? dash : text.length),
    release: hasRelease ? text.slice(dash + 1) : undefined,
  };
}

function compareParts(left: string, right: string): number {
  if (left === right) return 0;
  let leftAt = 0,
    rightAt = 0;
  // A separator is passed over only while both go on; at the end of one the other's separator counts as what is left
  // over.
  while (leftAt < left.length && rightAt < right.length) {
    const leftRun = skipSeparator(left, leftAt),
      rightRun = skipSeparator(right, rightAt);
    const leftGap = leftRun - leftAt,
      rightGap = rightRun - rightAt;
    leftAt = leftRun;
    rightAt = rightRun;
    if (leftAt >= left.length || rightAt >= right.length) break;
    if (leftGap !== rightGap) return leftGap < rightGap ? -1 : 1;
    const isNumber = isDigit(left.charCodeAt(leftAt));
    if (isNumber !== isDigit(right.charCodeAt(rightAt))) return isNumber ? 1 : -1;
    const leftEnd = endOfRun(left, leftAt, isNumber),
      rightEnd = endOfRun(right, rightAt, isNumber);
    const order = isNumber
      ? compareNumbers(left.slice(leftAt, leftEnd), right.slice(rightAt, rightEnd))
      : compareTexts(left.slice(leftAt, leftEnd), right.slice(rightAt, rightEnd));
    if (order !== 0) return order;
    leftAt = leftEnd;
    rightAt = rightEnd;
  }
  const leftEnds = leftAt >= left.length,
    rightEnds = rightAt >= right.length;
  if (leftEnds && rightEnds) return 0;
  // What is left over makes a version newer, but letters make it older: 1.0rc < 1.0 < 1.0.1.
  const leftIsOlder = leftEnds ? !isLetter(right.charCodeAt(rightAt)) : isLetter(left.charCodeAt(leftAt));
  return leftIsOlder ? -1 : 1;
}

function skipSeparator(text: string, at: number): number {
  while (at < text.length && !isDigit(text.charCodeAt(at)) && !isLetter(text.charCodeAt(at))) at++;
  return at;
}

function endOfRun(text: string, at: number, isNumber: boolean): number {
  const belongs = isNumber ? isDigit : isLetter;
  while (at < text.length && belongs(text.charCodeAt(at))) at++;
  return at;
}

/** By value, however long: leading zeros do not count, then the longer is the larger. */
function compareNumbers(left: string, right: string): number {
  const one = left.replace(/^0+/, ""),
    other = right.replace(/^0+/, "");
  return one.length !== other.length ? one.length - other.length : compareTexts(one, other);
}

function compareTexts(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isLetter(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}

/**
 * Whether `version` is safe in paths and has a release: what a package's own version looks like (PKGBUILD(5), pkgver
 * and pkgrel).
 */
export function isAlpmVersion(version: string): boolean {
  return /^(?:[0-9]+:)?[^\s/:-]+-[0-9]+(?:\.[0-9]+)?$/.test(version) && version.length <= 200;
}
