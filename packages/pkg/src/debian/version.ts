/**
 * Debian versions: `[epoch:]upstream[-revision]`, ordered as dpkg orders them.
 * Source: Debian Policy §5.6.12; deb-version(7).
 */

/**
 * Orders two versions, without allocating.
 *
 * @returns below zero when `left` is older, above when it is newer, 0 when they are equal (`1.0` and `0:1.0-0` are)
 */
export function compareVersions(left: string, right: string): number {
  if (left === right) return 0;
  const leftColon = left.indexOf(":"),
    rightColon = right.indexOf(":");
  const epochs = compareParts(left, 0, Math.max(leftColon, 0), right, 0, Math.max(rightColon, 0));
  if (epochs !== 0) return epochs;
  const leftDash = dashOf(left, leftColon + 1),
    rightDash = dashOf(right, rightColon + 1);
  const upstream = compareParts(left, leftColon + 1, leftDash, right, rightColon + 1, rightDash);
  if (upstream !== 0) return upstream;
  return compareParts(
    left,
    Math.min(leftDash + 1, left.length),
    left.length,
    right,
    Math.min(rightDash + 1, right.length),
    right.length,
  );
}

/** Where the revision's hyphen stands, or the end when there is no revision. */
function dashOf(version: string, start: number): number {
  const dash = version.lastIndexOf("-");
  return dash < start ? version.length : dash;
}

/**
 * Compares by turns a run of non-digits (letters before all else, `~` before even the end) and a number.
 */
function compareParts(
  left: string,
  leftAt: number,
  leftEnd: number,
  right: string,
  rightAt: number,
  rightEnd: number,
): number {
  while (leftAt < leftEnd || rightAt < rightEnd) {
    while (
      (leftAt < leftEnd && !isDigit(left.charCodeAt(leftAt))) ||
      (rightAt < rightEnd && !isDigit(right.charCodeAt(rightAt)))
    ) {
      const difference = weightAt(left, leftAt, leftEnd) - weightAt(right, rightAt, rightEnd);
      if (difference !== 0) return difference;
      leftAt++;
      rightAt++;
    }
    while (leftAt < leftEnd && left.charCodeAt(leftAt) === 0x30) leftAt++;
    while (rightAt < rightEnd && right.charCodeAt(rightAt) === 0x30) rightAt++;
    let firstDifference = 0;
    while (
      leftAt < leftEnd &&
      rightAt < rightEnd &&
      isDigit(left.charCodeAt(leftAt)) &&
      isDigit(right.charCodeAt(rightAt))
    ) {
      if (firstDifference === 0) firstDifference = left.charCodeAt(leftAt) - right.charCodeAt(rightAt);
      leftAt++;
      rightAt++;
    }
    // The longer number is the larger.
    if (leftAt < leftEnd && isDigit(left.charCodeAt(leftAt))) return 1;
    if (rightAt < rightEnd && isDigit(right.charCodeAt(rightAt))) return -1;
    if (firstDifference !== 0) return firstDifference;
  }
  return 0;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function weightAt(version: string, at: number, end: number): number {
  if (at >= end) return 0;
  const code = version.charCodeAt(at);
  if (isDigit(code)) return 0;
  if (code === 0x7e) return -1;
  const isLetter = (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
  return isLetter ? code : code + 256;
}

/** Whether `version` has the form that Policy demands. */
export function isVersion(version: string): boolean {
  const isFormed = /^(?:[0-9]{1,9}:[0-9][A-Za-z0-9.+~:-]*|[0-9][A-Za-z0-9.+~-]*)$/.test(version);
  const revisionAt = version.lastIndexOf("-") + 1;
  return (
    isFormed &&
    !version.endsWith("-") &&
    !version.endsWith(":") &&
    !(revisionAt > 0 && version.includes(":", revisionAt))
  );
}

/** The relations of dependency fields; `<` and `>` of old packages mean `<=` and `>=`. */
export type Relation = "<<" | "<=" | "=" | ">=" | ">>";

/** Whether `version` stands in `relation` to `bound`. */
export function satisfiesRelation(version: string, relation: Relation, bound: string): boolean {
  const order = compareVersions(version, bound);
  switch (relation) {
    case "<<":
      return order < 0;
    case "<=":
      return order <= 0;
    case "=":
      return order === 0;
    case ">=":
      return order >= 0;
    case ">>":
      return order > 0;
  }
}
