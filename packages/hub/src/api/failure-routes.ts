/** Why runs fail. */
import type { FailureFilter } from "../store/failures.ts";
import { diagnoseAgain, failureReport, runsOfFailure } from "../store/failures.ts";
import type { ApiRequest, ApiRoute } from "./route.ts";
import { AGAIN, time } from "./schemas.ts";
import { readSpan, readTime } from "./time-span.ts";

const SPAN_DAYS = 7;
const LIMIT = 50;
const word = { type: "string", maxLength: 128 };
const limit = {
  schema: { type: "integer", minimum: 1, maximum: 500 },
  description: `so many at most (default ${LIMIT})`,
};

/** @throws HubError 422 */
function failureFilter(query: ApiRequest["query"]): FailureFilter {
  const words = (["package", "suite", "arch", "channel", "cause"] as const).flatMap((name) =>
    query[name] === undefined || query[name] === "" ? [] : [[name, String(query[name]).slice(0, 128)]],
  );
  return { ...readSpan(query, SPAN_DAYS), ...(Object.fromEntries(words) as object) };
}

export const FAILURE_ROUTES: readonly ApiRoute[] = [
  {
    id: "listFailures",
    method: "get",
    path: "/failures",
    tag: "failures",
    permission: "task:read",
    summary: "What failed, by cause: runs whose logs tell the same reason are one, those of most tasks come first.",
    query: {
      since: { schema: time, description: `from when on (default: ${SPAN_DAYS} days before)` },
      until: { schema: time, description: "up to when, without it (default: now)" },
      package: { schema: word, description: "of this source package, or of tasks with this label" },
      suite: { schema: word, description: "of builds for this suite" },
      arch: { schema: word, description: "of tasks of this architecture" },
      channel: { schema: word, description: "of tasks of this channel" },
      cause: { schema: word, description: "of this kind: compiler, test, dependency …" },
      limit,
    },
    handle: async ({ hub, query }) => ({
      body: await failureReport(hub.database, failureFilter(query), (query["limit"] as number | undefined) ?? LIMIT),
    }),
  },
  {
    id: "listFailedRuns",
    method: "get",
    path: "/failures/{failure}/runs",
    tag: "failures",
    permission: "task:read",
    summary: "Runs that failed for one reason, the newest first.",
    query: {
      limit,
      cursor: { schema: { type: "integer", minimum: 1 }, description: "goes on behind this run" },
    },
    handle: async ({ hub, parameters, query }) => {
      const many = (query["limit"] as number | undefined) ?? LIMIT;
      const before = (query["cursor"] as number | undefined) ?? null;
      const items = await runsOfFailure(hub.database, parameters["failure"]!, { before, limit: many });
      return { body: { items, next: items.length === many ? String(items.at(-1)!.run) : null } };
    },
  },
  {
    id: "findCausesAgain",
    method: "post",
    path: "/failures/again",
    tag: "failures",
    permission: "task:diagnose",
    body: AGAIN,
    status: 202,
    summary: "Has failed runs looked at again, by the rules of now.",
    handle: async ({ hub, body }) => {
      const runs = await diagnoseAgain(hub.database, readTime("since", (body as { since: string }).since));
      hub.housekeeping.nudge();
      return { body: { runs } };
    },
  },
  {
    id: "listFailureRules",
    method: "get",
    path: "/failure-rules",
    tag: "failures",
    permission: "task:read",
    summary: "The operator's own rules of the hub that answers, and how often each told a cause.",
    handle: ({ hub }) => Promise.resolve({ body: { items: hub.failureRules.list(), next: null } }),
  },
];
