/**
 * The source packages that a suite offers: its `Sources` lists, which the signed release names as it does those of
 * binary packages.
 */
import type { WantedFile } from "../download.ts";
import type { OnProgress, PackagePorts } from "../ports.ts";
import { parseSingleStanza, type Stanza } from "./control.ts";
import { loadTable } from "./index/table-store.ts";
import type { PackageTable } from "./index/package-table.ts";
import { UnlistedError } from "./release.ts";
import { releaseOf, type RepositorySource } from "./repository.ts";
import { sourceFiles, SourceError, type SourceFile } from "./source-package.ts";
import { compareVersions } from "./version.ts";

export interface SourcePackage {
  readonly name: string;
  readonly version: string;
  readonly stanza: Stanza;
  /** where its files are */
  readonly baseUrl: string;
  /** for messages: `trixie/main` */
  readonly origin: string;
}

export class SourceIndex {
  readonly #lists: { readonly table: PackageTable; readonly uri: string; readonly origin: string }[] = [];

  add(table: PackageTable, uri: string, origin: string): void {
    this.#lists.push({ table, uri, origin });
  }

  /** All versions of a source, the newest first; those that the archive keeps for their binaries' sake last. */
  versions(name: string): SourcePackage[] {
    const found: SourcePackage[] = [];
    for (const { table, uri, origin } of this.#lists) {
      table.eachNamed(name, (id) => {
        const stanza = parseSingleStanza(table.text.slice(table.startAt(id), table.endAt(id)), `${origin}: ${name}`);
        const folder = stanza.get("Directory") ?? "";
        if (folder.startsWith("/") || folder.split("/").includes(".."))
          throw new SourceError(`${origin}: ${name}: its folder leaves the repository: ${folder}`);
        found.push({ name, version: table.versionAt(id), stanza, baseUrl: `${uri}/${folder}`, origin });
      });
    }
    return found.sort(
      (left, right) => Number(isExtra(left)) - Number(isExtra(right)) || compareVersions(right.version, left.version),
    );
  }
}

/** Source: wiki.debian.org/DebianRepository/Format, "Extra-Source-Only". */
function isExtra({ stanza }: SourcePackage): boolean {
  return stanza.get("Extra-Source-Only") === "yes";
}

/**
 * The lists of a suite's components, verified by its release.
 *
 * @param source  `mayHaveNone`: a component without a list of sources is one without sources
 * @throws ReleaseError, FetchError, IntegrityError
 */
export async function loadSources(
  ports: PackagePorts,
  source: RepositorySource & { readonly mayHaveNone?: boolean },
  index: SourceIndex,
  onProgress: OnProgress,
): Promise<void> {
  const release = await releaseOf(ports, source, onProgress);
  const uri = source.uri.replace(/\/+$/, "");
  for (const component of source.components) {
    const name = `${source.suite}/${component} sources`;
    onProgress({ phase: "index", name });
    const table = await loadTable(ports, release, {
      suiteUrl: `${uri}/dists/${source.suite}`,
      component,
      architecture: "source",
      isSources: true,
      name,
      onWarning: (text) => onProgress({ phase: "warning", name: text }),
    }).catch((error: unknown) => {
      if (source.mayHaveNone === true && error instanceof UnlistedError) return undefined;
      throw error;
    });
    if (table !== undefined) index.add(table, uri, `${source.suite}/${component}`);
  }
}

/** Files of a source package, to be downloaded. @throws SourceError */
export function wantedSourceFiles(one: SourcePackage): (WantedFile & { readonly name: string })[] {
  return sourceFiles(one.stanza, `${one.name} ${one.version}`).map((file: SourceFile) => ({
    name: file.name,
    urls: [`${one.baseUrl}/${file.name.replaceAll("~", "%7E").replaceAll("+", "%2B")}`],
    path: `sources/${file.sha256.slice(0, 2)}/${file.sha256}`,
    sizeBytes: file.sizeBytes,
    sha256: file.sha256,
  }));
}
