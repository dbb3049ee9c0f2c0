/** The head of a `debian/changelog`. Source: deb-changelog(5). */
import { isVersion, SourceError } from "@stratos/pkg";

/** @throws SourceError */
export function parseChangelogHead(
  text: string,
  path: string,
): { readonly name: string; readonly version: string; readonly distribution: string } {
  const match = /^\s*([a-z0-9][a-z0-9+.-]+) \(([^()\s]+)\) ([A-Za-z0-9 .-]+);/.exec(text);
  if (match === null || !isVersion(match[2]!))
    throw new SourceError(`${path}: does not begin as a changelog does: NAME (VERSION) SUITE; urgency=…`);
  return { name: match[1]!, version: match[2]!, distribution: match[3]! };
}

/** Without epoch: as file names have it. */
export function versionInNames(version: string): string {
  return version.replace(/^[0-9]+:/, "");
}

/** Without epoch and Debian's revision. */
export function upstreamVersion(version: string): string {
  return versionInNames(version).replace(/-[^-]*$/, "");
}
