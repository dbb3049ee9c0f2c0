/**
 * Triggers of repositories that tell nobody: their refs are asked for, by git's protocol over HTTP, and those that
 * moved since are pushes. What is there at the first look starts nothing.
 *
 *     GET URL/info/refs?service=git-upload-pack
 *     001e# service=git-upload-pack\n 0000  LEN HASH REF \0 CAPABILITIES\n  LEN HASH REF\n … 0000
 *
 * Source: git's Documentation/gitprotocol-http.txt ("Smart Clients") and gitprotocol-pack.txt ("Reference Discovery").
 */
import { randomUUID } from "node:crypto";
import type { TriggerView } from "@stratos/hub-api";
import type { Database } from "../database/database.ts";
import type { Chore } from "../leader/housekeeping.ts";
import { reasonOf } from "../leader/post-json.ts";
import type { Admit } from "../store/submit-tasks.ts";
import { readSecret } from "../store/secrets.ts";
import { refusalOf } from "./trigger-rules.ts";
import { findTrigger, fireTrigger } from "./triggers.ts";

const EVERY_SECONDS = 300;
const TIMEOUT_MS = 30_000;
const TOGETHER_MAX = 8;
const BYTES_MAX = 32 << 20;

export function pollChore(database: Database, admit: Admit, send: typeof fetch = fetch): Chore {
  return { name: "polls", everyMs: 5_000, work: async () => (await pollRepositories(database, admit, send), 0) };
}

/** Looks at each repository whose time has come. */
export async function pollRepositories(database: Database, admit: Admit, send: typeof fetch): Promise<void> {
  const due = await database.query<{ trigger: string }>(
    `
    update trigger_poll p set due = now() + make_interval(secs => coalesce((c.rule->>'everySeconds')::int, $1))
    from ci_trigger c where c.name = p.trigger and p.trigger in (
      select trigger from trigger_poll where due <= now() order by due limit $2 for update skip locked)
    returning p.trigger`,
    [EVERY_SECONDS, TOGETHER_MAX],
  );
  await Promise.all(
    due.map(async ({ trigger }) => {
      const message = await findTrigger(database, trigger)
        .then((found) => look(database, found, { admit, send }))
        .then(() => null, reasonOf);
      await database.query("update trigger_poll set message = $2 where trigger = $1", [trigger, message]);
    }),
  );
}

/** What went wrong at the last look of each. */
export async function pollFaults(database: Database): Promise<Map<string, string>> {
  const rows = await database.query<{ trigger: string; message: string }>(
    "select trigger, message from trigger_poll where message is not null",
  );
  return new Map(rows.map(({ trigger, message }) => [trigger, message]));
}

async function look(
  database: Database,
  trigger: TriggerView,
  { admit, send }: { admit: Admit; send: typeof fetch },
): Promise<void> {
  const url = trigger.url!.replace(/\/+$/, "");
  const password = trigger.secret === undefined ? null : await readSecret(database, trigger.secret);
  const found = await remoteRefs(url, password, send);
  const repository = new URL(url).pathname.replace(/^\/+|(?:\.git)?\/*$/g, "") || "repository";
  const pushOf = (ref: string, commit: string) => ({ ref, commit, repository, clone: url, paths: null });
  const wanted = Object.fromEntries(
    [...found].filter(([ref, commit]) => refusalOf(trigger, pushOf(ref, commit)) === null),
  );
  await database.transaction("read committed", async (inside) => {
    // Before the look's row, as whoever removes a trigger takes them.
    const [now] = await inside.query<{ rule: Omit<TriggerView, "name"> }>(
      "select rule from ci_trigger where name = $1 for key share",
      [trigger.name],
    );
    const [row] = await inside.query<{ refs: Record<string, string> | null }>(
      "select refs from trigger_poll where trigger = $1 for update",
      [trigger.name],
    );
    // Changed or removed while it was asked: the next look is the new one's.
    if (row === undefined || now?.rule.url !== trigger.url) return;
    if (row.refs !== null)
      for (const [ref, commit] of Object.entries(wanted))
        if (row.refs[ref] !== commit)
          await fireTrigger(database, inside, trigger, { push: pushOf(ref, commit), digest: randomUUID(), admit });
    await inside.query("update trigger_poll set refs = $2::jsonb where trigger = $1", [
      trigger.name,
      JSON.stringify(wanted),
    ]);
  });
}

/** Refs and their commits. @throws Error in words */
async function remoteRefs(url: string, password: string | null, send: typeof fetch): Promise<Map<string, string>> {
  const response = await send(`${url}/info/refs?service=git-upload-pack`, {
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: {
      "user-agent": "git/stratos-hub",
      ...(password === null ? {} : { authorization: `Basic ${Buffer.from(`stratos:${password}`).toString("base64")}` }),
    },
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  if (response.headers.get("content-type") !== "application/x-git-upload-pack-advertisement")
    throw new Error(`${url} is no repository that speaks git's protocol over HTTP`);
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += piece.length;
    if (bytes > BYTES_MAX) throw new Error(`${url} has more refs than ${BYTES_MAX} bytes hold`);
    pieces.push(piece);
  }
  const refs = new Map<string, string>();
  for (const line of packetLines(Buffer.concat(pieces))) {
    const match = /^([0-9a-f]{40,64}) (refs\/(?:heads|tags)\/[^\0\n]+)/.exec(line);
    // `REF^{}` after an annotated tag is its commit.
    if (match !== null) refs.set(match[2]!.replace(/\^\{\}$/, ""), match[1]!);
  }
  return refs;
}

function* packetLines(bytes: Buffer): Generator<string> {
  for (let at = 0; at < bytes.length;) {
    const head = bytes.toString("latin1", at, at + 4);
    const length = /^[0-9a-f]{4}$/.test(head) ? parseInt(head, 16) : 0;
    // 0000 to 0003 are marks between sections, without content.
    if (!/^[0-9a-f]{4}$/.test(head) || at + length > bytes.length) throw new Error("what git's server says is cut off");
    if (length >= 4) yield bytes.toString("utf8", at + 4, at + length);
    at += Math.max(length, 4);
  }
}
