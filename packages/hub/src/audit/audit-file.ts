/**
 * A file of the audit that was taken out of a hub: JSON lines, which are checked without one.
 *
 *     {"stratosHubAudit":1,"from":{"number":12,"hash":"…"}}      the seal before its first
 *     {"seal":13,"events":2,"hash":"…","entries":"…"}            a seal, in base64 the digests of its entries
 *     [4711,"2026-01-31T…","ada","ROLE_GRANTED",null,null,{…}]   the entries that it is over: the text that is hashed
 *     …
 *     {"end":{"number":40,"hash":"…"},"events":27123}
 */
import { type ChainFault, type ChainPlace, type Seal, sealFault } from "./chain.ts";

export interface AuditFileView {
  readonly from: ChainPlace;
  readonly end: ChainPlace;
  readonly events: number;
  /** Times of the first and last entry; null: it has none. */
  readonly oldest: string | null;
  readonly newest: string | null;
  readonly fault: ChainFault | null;
}

export const headLine = (from: ChainPlace): string => `${JSON.stringify({ stratosHubAudit: 1, from })}\n`;

export function sealLines(seal: Seal, texts: readonly string[]): string {
  const { number, events, hash, entries } = seal;
  const list = entries === null ? null : Buffer.from(entries).toString("base64");
  return [JSON.stringify({ seal: number, events, hash, entries: list }), ...texts, ""].join("\n");
}

export const endLine = (end: ChainPlace, events: number): string => `${JSON.stringify({ end, events })}\n`;

/** @throws Error in words for what is no such file, or only a part of one */
export async function checkAuditFile(lines: AsyncIterable<string>): Promise<AuditFileView> {
  let from: ChainPlace | null = null;
  let place: ChainPlace | null = null;
  let seal: Seal | null = null;
  let texts: string[] = [];
  let fault: ChainFault | null = null;
  let [events, oldest, newest] = [0, null as string | null, null as string | null];
  let end: ChainPlace | null = null;
  const close = (): void => {
    if (seal === null || place === null) return;
    fault ??= sealFault(place, seal, texts);
    events += texts.length;
    place = { number: seal.number, hash: seal.hash };
    seal = null;
    texts = [];
  };
  for await (const line of lines) {
    if (end !== null) throw new Error("it goes on after its end");
    if (line.startsWith("[")) {
      const [, at] = parsed(line) as [unknown, unknown];
      if (seal === null || typeof at !== "string") throw new Error("it is damaged: an entry that no seal is over");
      oldest ??= at;
      newest = at;
      texts.push(line);
      continue;
    }
    const value = parsed(line) as Record<string, unknown> | null;
    if (place === null) {
      if (value?.["stratosHubAudit"] !== 1) throw new Error("it is no audit of a hub");
      place = from = placeOf(value["from"]);
    } else if (typeof value?.["seal"] === "number") {
      close();
      const entries = typeof value["entries"] === "string" ? Buffer.from(value["entries"], "base64") : null;
      seal = { ...placeOf({ ...value, number: value["seal"] }), events: Number(value["events"]), entries };
    } else if (value?.["end"] !== undefined) {
      close();
      end = placeOf(value["end"]);
      if (value["events"] !== events && fault === null)
        fault = { seal: end.number, entry: null, words: `${events} of ${String(value["events"])} entries are there` };
    } else throw new Error(`it is damaged: ${JSON.stringify(line.slice(0, 80))}`);
  }
  if (from === null) throw new Error("it is no audit of a hub");
  if (end === null || place === null) throw new Error("it is cut short: its end is missing");
  // Taken by TypeScript for never: both are set by `close` alone.
  const last = place as ChainPlace;
  if (last.number !== end.number || last.hash !== end.hash)
    fault ??= { seal: last.number, entry: null, words: `it ends with seal ${last.number}, and not ${end.number}` };
  return { from, end, events, oldest, newest, fault };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new Error(`it is damaged: ${JSON.stringify(line.slice(0, 80))}`, { cause: error });
  }
}

function placeOf(value: unknown): ChainPlace {
  const { number, hash } = (value ?? {}) as { number?: unknown; hash?: unknown };
  if (!Number.isSafeInteger(number) || typeof hash !== "string" || !/^[0-9a-f]{64}$/.test(hash))
    throw new Error("it is damaged: a seal without number or hash");
  return { number: number as number, hash };
}
