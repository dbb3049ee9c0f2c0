/** Packages of a signed repository, of a channel of a hub or of one in a folder, with what they need of it. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { OperationError } from "@stratos/operation";
import {
  download,
  loadRepository,
  packageFile,
  PackageIndex,
  type PackagePorts,
  readVerified,
  releaseOf,
  type RepositorySource,
  resolve as resolvePackages,
} from "@stratos/pkg";
import { debianName } from "./package-description.ts";

export interface RepositoryPlace {
  /** A folder, or a URL. */
  readonly repository: string;
  readonly suite: string;
  readonly component: string;
  /** A file with the key that signs it; of a folder its own `archive-key.gpg` otherwise. */
  readonly keyring: string | undefined;
}

/**
 * @param names  as `package.scm` says them
 * @returns file names and contents, what is needed first
 */
export async function packageOfRepository(
  names: readonly string[],
  place: RepositoryPlace,
  ports: PackagePorts,
): Promise<(readonly [string, Uint8Array])[]> {
  const folder = /^[a-z]+:\/\//u.test(place.repository) ? null : resolve(place.repository);
  const quiet = (): void => {};
  const source: RepositorySource = {
    uri: folder === null ? place.repository : pathToFileURL(folder).href,
    suite: place.suite,
    components: [place.component],
    architecture: "all",
    isArchitectureOptional: true,
    keyrings: [keyringOf(folder, place.keyring)],
  };
  const { architectures } = await releaseOf(ports, source, quiet);
  const architecture = architectures.find((one) => one !== "all") ?? "all";
  const index = new PackageIndex();
  await loadRepository(ports, { ...source, architecture }, index, quiet);
  const found = resolvePackages(index, { install: names.map(debianName) }, architecture);
  const packages: (readonly [string, Uint8Array])[] = [];
  for (const { package: one } of found.reverse()) {
    const file = packageFile(one);
    await download(ports, file, quiet);
    packages.push([`${one.name} ${one.version}`, (await readVerified(ports, file))!]);
  }
  return packages;
}

function keyringOf(folder: string | null, keyring: string | undefined): Uint8Array {
  const file = keyring ?? (folder === null ? null : join(folder, "archive-key.gpg"));
  if (file === null)
    throw new OperationError(
      "option",
      "--keyring",
      "is needed for a repository of the network: whose signature counts",
    );
  if (!existsSync(file) || !statSync(file).isFile())
    throw new OperationError("option", "--keyring", `${file}: is not there`);
  return readFileSync(file);
}
