/** Where a request's packages come from. */
import type { Archive } from "@stratos/compose";
import { trixieKeyrings, type Keyring } from "@stratos/pkg";
import type { BuildRequest, ExtraRepository } from "../build-request.ts";

type Place = Pick<BuildRequest, "mirror" | "suite" | "components" | "repositories">;

/** The mirror's suite. */
export function placeOf(archive: Archive, { mirror, suite, components }: Place): ExtraRepository {
  return { uri: (mirror ?? archive.mirror).replace(/\/+$/, ""), suite, components: components ?? ["main"] };
}

export function repositoriesOf({ repositories = [] }: Place): ExtraRepository[] {
  return repositories.map((one) => ({ ...one, uri: one.uri.replace(/\/+$/, "") }));
}

export function keyringsOf(archive: Archive): Keyring[] {
  return [...trixieKeyrings(), ...archive.keyrings];
}
