/** From a reference to the files of a source package, checked, with what its paragraph says. */
import { byteString } from "@stratos/base";
import {
  download,
  loadSources,
  parseControl,
  parseSource,
  SourceError,
  SourceIndex,
  sourceFiles,
  Stanza,
  repositoryError,
  wantedSourceFiles,
  type SourcePackage,
} from "@stratos/pkg";
import type { BuildRequest, OnBuildEvent, SourceReference } from "../build-request.ts";
import { InfrastructureError, type BroughtFile, type BuilderPorts } from "../ports.ts";
import { keyringsOf, placeOf, repositoriesOf } from "../root/archive-place.ts";
import { parseChangelogHead, upstreamVersion } from "./changelog.ts";

export interface FetchedSource {
  readonly name: string;
  readonly version: string;
  /** with the fields of build dependencies */
  readonly stanza: Stanza;
  /** for the build folder */
  readonly files: readonly BroughtFile[];
  /** of `files`, what dpkg-source is given; undefined: the tree is there already */
  readonly dsc: string | undefined;
  /** the name of the unpacked tree */
  readonly tree: string;
  /** what it was made from */
  readonly materials: readonly { readonly uri: string; readonly digest: Readonly<Record<string, string>> }[];
  remove(): Promise<void>;
}

type FetchPorts = Pick<BuilderPorts, "packages" | "sources" | "archive" | "signal">;

/** A debian/control beyond this is none. */
const TEXT_SIZE_MAX = 16 << 20;

/** @throws SourceError, ControlError, FetchError, IntegrityError, ReleaseError, InfrastructureError */
export async function fetchSource(
  ports: FetchPorts,
  request: BuildRequest,
  onEvent: OnBuildEvent,
): Promise<FetchedSource> {
  const { source } = request;
  switch (source.kind) {
    case "name":
      return fetchNamed(ports, request, source, onEvent);
    case "dsc":
      return readDsc(ports, source.path);
    case "folder":
      return readFolder(ports, source.path, { uri: `file://${source.path}`, digest: {} }, async () => {});
    case "git": {
      const { folder, commit, remove } = await ports.sources.checkout(source.url, source.reference);
      try {
        return await readFolder(ports, folder, { uri: `git+${source.url}`, digest: { gitCommit: commit } }, remove);
      } catch (error) {
        await remove();
        throw error;
      }
    }
  }
}

/** The source index of a request's suite and repositories. */
export async function openSourceIndex(
  ports: FetchPorts,
  request: BuildRequest,
  onEvent: OnBuildEvent,
): Promise<SourceIndex> {
  const index = new SourceIndex(),
    keyrings = keyringsOf(ports.archive),
    mirror = placeOf(ports.archive, request);
  for (const { uri, suite, components } of [mirror, ...repositoriesOf(request)]) {
    onEvent({ kind: "progress", what: "Reading source lists", done: 0, total: 0 });
    // Repositories beside the mirror may be of binary packages alone, as a hub's are.
    const mayHaveNone = uri !== mirror.uri;
    await loadSources(
      ports.packages,
      { uri, suite, components, architecture: request.architecture, keyrings, mayHaveNone },
      index,
      (progress) => {
        if (progress.phase === "warning") onEvent({ kind: "note", message: progress.name });
      },
    ).catch((error: unknown) => {
      throw repositoryError({ uri, suite }, uri === mirror.uri, error);
    });
  }
  return index;
}

async function fetchNamed(
  ports: FetchPorts,
  request: BuildRequest,
  source: SourceReference & { kind: "name" },
  onEvent: OnBuildEvent,
): Promise<FetchedSource> {
  const index = await openSourceIndex(ports, request, onEvent);
  const versions = index.versions(source.name);
  if (versions.length === 0) throw new SourceError(`${request.suite} has no source package ${source.name}`);
  const chosen =
    source.version === undefined ? versions[0]! : versions.find(({ version }) => version === source.version);
  if (chosen === undefined)
    throw new SourceError(
      `${request.suite} has ${source.name} ${[...new Set(versions.map(({ version }) => version))].join(", ")}, not ` +
        `${source.version}`,
    );
  return downloadSource(ports, chosen, onEvent);
}

async function downloadSource(ports: FetchPorts, chosen: SourcePackage, onEvent: OnBuildEvent): Promise<FetchedSource> {
  const wanted = wantedSourceFiles(chosen),
    total = wanted.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const dsc = wanted.find(({ name }) => name.endsWith(".dsc"));
  if (dsc === undefined) throw new SourceError(`${chosen.name} ${chosen.version}: the index lists no .dsc`);
  let done = 0;
  for (const file of wanted) {
    ports.signal.throwIfAborted();
    await download(ports.packages, file, (count) => {
      done += count;
      onEvent({ kind: "progress", what: "Downloading the source", done, total, unit: "bytes" });
    });
  }
  const stanza = parseSource(byteString((await ports.packages.store.read(dsc.path)) ?? new Uint8Array(0)), dsc.name);
  const name = stanza.get("Source") ?? stanza.get("Package")!,
    version = stanza.get("Version")!;
  if (name !== chosen.name || version !== chosen.version)
    throw new SourceError(`${dsc.name}: is ${name} ${version}, and the index says ${chosen.name} ${chosen.version}`);
  return {
    name,
    version,
    stanza,
    dsc: dsc.name,
    tree: `${name}-${upstreamVersion(version)}`,
    files: wanted.map(({ name: file, path }) => ({ name: file, from: ports.sources.stored(path) })),
    materials: wanted.map(({ urls, sha256 }) => ({ uri: urls[0]!, digest: { sha256 } })),
    remove: async () => {},
  };
}

async function readDsc(ports: FetchPorts, path: string): Promise<FetchedSource> {
  const bytes = await ports.sources.read(path);
  if (bytes === undefined) throw new SourceError(`${path}: there is no such file`);
  const stanza = parseSource(byteString(bytes), path),
    name = stanza.get("Source")!,
    version = stanza.get("Version")!;
  const files: BroughtFile[] = [{ name: baseName(path), from: path }];
  const materials = [{ uri: `file://${path}`, digest: { sha256: hash(ports, bytes) } }];
  for (const file of sourceFiles(stanza, path)) {
    const from = ports.sources.beside(path, file.name),
      content = await ports.sources.read(from);
    if (content === undefined) throw new SourceError(`${path}: lists ${file.name}, which is not beside it`);
    if (content.length !== file.sizeBytes || hash(ports, content) !== file.sha256)
      throw new SourceError(`${from}: is not the file that ${baseName(path)} lists`);
    files.push({ name: file.name, from });
    materials.push({ uri: `file://${from}`, digest: { sha256: file.sha256 } });
  }
  return {
    name,
    version,
    stanza,
    files,
    dsc: baseName(path),
    tree: `${name}-${upstreamVersion(version)}`,
    materials,
    remove: async () => {},
  };
}

async function readFolder(
  ports: FetchPorts,
  folder: string,
  material: FetchedSource["materials"][number],
  remove: () => Promise<void>,
): Promise<FetchedSource> {
  const text = async (name: string): Promise<string> => {
    const bytes = await ports.sources.readWithin(folder, `debian/${name}`, TEXT_SIZE_MAX);
    if (bytes === undefined) throw new SourceError(`${folder}: is no Debian source: it has no debian/${name}`);
    if (typeof bytes === "string") throw new SourceError(`${folder}/debian/${name}: ${bytes}`);
    return byteString(bytes);
  };
  const head = parseChangelogHead(await text("changelog"), `${folder}/debian/changelog`);
  const stanza = parseControl(await text("control"), `${folder}/debian/control`)[0];
  if (stanza?.get("Source") === undefined)
    throw new SourceError(`${folder}/debian/control: does not begin with a source package`);
  if (stanza.get("Source") !== head.name)
    throw new SourceError(`${folder}: debian/control says ${stanza.get("Source")}, debian/changelog ${head.name}`);
  const tree = `${head.name}-${upstreamVersion(head.version)}`;
  return {
    name: head.name,
    version: head.version,
    stanza,
    files: [{ name: tree, from: folder }],
    dsc: undefined,
    tree,
    materials: [material],
    remove,
  };
}

function hash({ packages }: Pick<BuilderPorts, "packages">, bytes: Uint8Array): string {
  const hasher = packages.hasher("sha256");
  hasher.update(bytes);
  return hasher.hex();
}

function baseName(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (!/^[A-Za-z0-9][A-Za-z0-9+.~_-]*$/.test(name))
    throw new InfrastructureError(`${path}: not a name of a source package's file`);
  return name;
}
