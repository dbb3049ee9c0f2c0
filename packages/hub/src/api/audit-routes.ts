/** The audit's chain: computed again, and taken out into files. */
import type { ChainPlace } from "../audit/chain.ts";
import { chainHead, chainStart, exportAudit, takeOutEvents, verifyChain } from "../store/event-chain.ts";
import type { ApiRoute } from "./route.ts";
import { CHAIN_PLACE, time } from "./schemas.ts";
import { readTime } from "./time-span.ts";

export const AUDIT_ROUTES: readonly ApiRoute[] = [
  {
    id: "verifyAudit",
    method: "post",
    path: "/audit/verify",
    tag: "audit",
    permission: "fsck:run",
    changesNothing: true,
    status: 200,
    summary:
      "Computes the chain of events again, and names the first entry that is not as it was sealed. `start`: the seal " +
      "that files of a rotation end with; `head`: the last one.",
    handle: ({ hub }) =>
      hub.database.transaction("repeatable read, read only", async (inside) => ({
        body: { fault: await verifyChain(inside), start: await chainStart(inside), head: await chainHead(inside) },
      })),
  },
  {
    id: "exportAudit",
    method: "get",
    path: "/audit/export",
    tag: "audit",
    permission: "audit:rotate",
    answers: "bytes",
    query: { before: { schema: time, description: "what was sealed before it (default: now)" } },
    summary: "Events with their seals, as JSON lines that `stratos hub audit verify` checks; nothing is taken out.",
    handle: async ({ hub, query, signal }) => {
      const before = query["before"] === undefined ? new Date() : readTime("before", String(query["before"]));
      const lines = exportAudit(hub.database, before);
      const bytes = new TextEncoder();
      const body = new ReadableStream<Uint8Array>({
        pull: async (controller) => {
          signal.throwIfAborted();
          const { value, done } = await lines.next();
          if (done === true) controller.close();
          else controller.enqueue(bytes.encode(value));
        },
        cancel: async () => void (await lines.return(undefined)),
      });
      return new Response(body, { headers: { "Content-Type": "application/x-ndjson" } });
    },
  },
  {
    id: "rotateAudit",
    method: "post",
    path: "/audit/rotate",
    tag: "audit",
    permission: "audit:rotate",
    body: CHAIN_PLACE,
    status: 200,
    summary: "Takes out what was exported, up to a seal that is named with its hash; the chain goes on from there.",
    handle: async ({ hub, body, principal }) => ({
      body: { events: await takeOutEvents(hub.database, body as ChainPlace, principal.name) },
    }),
  },
];
