/** Whether the archive has what is asked for: asked before anything is fetched, since nothing mends a wrong word. */
import { closestName } from "@stratos/base";
import { FetchError, releaseOf, SuiteError, type Release } from "@stratos/pkg";
import type { BuildRequest, OnBuildEvent } from "../build-request.ts";
import type { BuilderPorts } from "../ports.ts";
import { keyringsOf, placeOf } from "../root/archive-place.ts";

/** There is no such suite or architecture. */
class RequestError extends Error {
  override name = "RequestError";
}

type CheckPorts = Pick<BuilderPorts, "packages" | "archive">;

/**
 * By the lists of last time, where they have it; else by those of now. An archive that cannot be reached refuses
 * nothing here: who needs it next says so.
 *
 * @throws RequestError, ReleaseError
 */
export async function checkPlace(ports: CheckPorts, request: BuildRequest, onEvent: OnBuildEvent): Promise<void> {
  const kept = await readRelease(ports, request, onEvent, "kept");
  if (kept === null || wrongArchitecture(kept, request) === undefined) return;
  const now = await readRelease(ports, request, onEvent, "new");
  const wrong = now === null ? undefined : wrongArchitecture(now, request);
  if (wrong !== undefined) throw new RequestError(wrong);
}

async function readRelease(
  { packages, archive }: CheckPorts,
  request: BuildRequest,
  onEvent: OnBuildEvent,
  lists: "kept" | "new",
): Promise<Release | null> {
  const { uri, suite, components } = placeOf(archive, request);
  const source = { uri, suite, components, architecture: request.architecture, keyrings: keyringsOf(archive) };
  try {
    return await releaseOf(packages, { ...source, ...(lists === "kept" ? { lists } : {}) }, (progress) => {
      if (progress.phase === "warning") onEvent({ kind: "note", message: progress.name });
    });
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    if (!error.isPermanent) return null;
    throw new RequestError(new SuiteError({ uri, suite }, error).message, { cause: error });
  }
}

/** Slips of words as long as these. */
const SLIPS_MAX = 2;

function wrongArchitecture(release: Release, request: BuildRequest): string | undefined {
  const { architecture, hostArchitecture, suite } = request;
  const there = release.architectures.filter((one) => one !== "all" && one !== "source");
  const wrong = [architecture, ...(hostArchitecture === undefined ? [] : [hostArchitecture])].find(
    (one) => !there.includes(one),
  );
  if (wrong === undefined) return undefined;
  const meant = closestName(wrong, there, () => (wrong.length > SLIPS_MAX ? SLIPS_MAX : 0));
  return (
    `${suite} has no architecture ${wrong}` +
    (meant === undefined ? `; it has ${there.join(", ")}` : `; did you mean ${meant}?`)
  );
}
