/** Profiles of the hub that answers. */
import type { ProfileView } from "@stratos/hub-api";
import type { HubService } from "../hub-service.ts";
import { PROFILE_SECONDS_MAX } from "../profiling/profiler.ts";
import { writeEvents } from "../store/events.ts";
import { HubError, notFound } from "../store/hub-error.ts";
import { silentRoute, type ApiRequest, type ApiRoute } from "./route.ts";
import { PROFILE_REQUEST } from "./schemas.ts";

const one = ({ parameters }: Pick<ApiRequest, "parameters">): string => parameters["profile"]!;
const tag = "profiles";

const found = (request: ApiRequest): ProfileView => findProfile(request.hub, one(request));

/** @throws HubError 404 */
export function findProfile({ profiler }: HubService, id: string): ProfileView {
  const view = profiler?.kept.find(id) ?? null;
  if (view === null) throw notFound(`profile ${id}`);
  return view;
}

/** @param seconds  how long to look; undefined: as this hub does by itself. @throws HubError 409, 503 */
export async function takeProfile(hub: HubService, seconds: number | undefined, by: string): Promise<ProfileView> {
  const { profiler, database } = hub;
  if (profiler === null) throw new HubError(409, "no-profiles", "this hub has no folder for profiles");
  if (profiler.isTaking)
    throw new HubError(409, "profile-being-taken", "a profile is being taken now; ask again when it is done", {
      headers: { "Retry-After": String(PROFILE_SECONDS_MAX) },
    });
  const looked = seconds ?? profiler.defaultSeconds;
  const view = await profiler.take(looked, by);
  if (view === null) throw new HubError(503, "ending", "this hub ends");
  const detail = { profile: view.id, process: view.process, seconds: looked };
  await writeEvents(database, [{ actor: by, what: "PROFILE_TAKEN", detail }]);
  return view;
}

/** @throws HubError 404 */
export async function removeProfile(hub: HubService, profile: string, by: string): Promise<void> {
  const { id } = findProfile(hub, profile);
  hub.profiler?.kept.remove(id);
  await writeEvents(hub.database, [{ actor: by, what: "PROFILE_REMOVED", detail: { profile: id } }]);
}

export const PROFILE_ROUTES: readonly ApiRoute[] = [
  {
    id: "listProfiles",
    method: "get",
    path: "/profiles",
    tag,
    permission: "profile:read",
    summary: "Lists the profiles that the hub which answers keeps of itself, the newest first.",
    handle: ({ hub }) => Promise.resolve({ body: { items: hub.profiler?.kept.list() ?? [], next: null } }),
  },
  {
    id: "takeProfile",
    method: "post",
    path: "/profiles",
    tag,
    permission: "profile:take",
    body: PROFILE_REQUEST,
    status: 201,
    summary:
      "Takes a profile of the hub that answers, which takes as long as it is to look, and keeps it. One at a time.",
    handle: async ({ hub, body, principal }) => {
      const { seconds } = body as { seconds?: number };
      return { body: await takeProfile(hub, seconds, principal.name) };
    },
  },
  {
    id: "getProfile",
    method: "get",
    path: "/profiles/{profile}",
    tag,
    permission: "profile:read",
    summary: "What is known of a profile, and what was on the heap.",
    handle: (request) => Promise.resolve({ body: found(request) }),
  },
  {
    id: "getProfileFile",
    method: "get",
    path: "/profiles/{profile}/file",
    tag,
    permission: "profile:read",
    answers: "bytes",
    summary: "The profile as Chrome's developer tools, speedscope and `stratos hub profile top` read it.",
    handle: (request) => {
      const { id } = found(request);
      const bytes = request.hub.profiler?.kept.read(id) ?? null;
      if (bytes === null) throw notFound(`profile ${id}`);
      return Promise.resolve(
        new Response(new Uint8Array(bytes), {
          headers: {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": `attachment; filename="${id}.cpuprofile"`,
          },
        }),
      );
    },
  },
  silentRoute(
    {
      id: "removeProfile",
      method: "delete",
      path: "/profiles/{profile}",
      tag,
      permission: "profile:remove",
      summary: "Removes a profile.",
    },
    ({ hub, principal, ...request }) => removeProfile(hub, one(request), principal.name),
  ),
];
