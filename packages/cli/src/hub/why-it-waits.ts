/** Whoever waits for a task is told, on standard error, why it does not begin: no host, or one that it waits for. */
import { printable } from "@stratos/base";
import type { HubClient, WaitReason } from "@stratos/hub-api";

/** Most begin before the first look. */
const LOOK_MS = { first: 3_000, then: 5_000 } as const;

/** @returns what `work` does */
export async function sayingWhyItWaits<Answer>(
  client: Pick<HubClient, "call">,
  task: number,
  work: () => Promise<Answer>,
  { lookMs, say }: { readonly lookMs: { readonly first: number; readonly then: number }; say(words: string): void } = {
    lookMs: LOOK_MS,
    say: (words) => void process.stderr.write(words),
  },
): Promise<Answer> {
  let told = "";
  let isOver = false;
  let timer: NodeJS.Timeout;
  const look = async (): Promise<void> => {
    // What it is about may end meanwhile, and so may the hub: that is told elsewhere.
    const why = await client.call<WaitReason>("GET", `/tasks/${task}/why`).catch(() => null);
    if (isOver) return;
    const isWaiting = why !== null && (why.state === "FREE" || why.state === "BLOCKED");
    // Seconds pass and queues move, and the reason stays; another attempt that failed is news, whatever it says.
    const reason = isWaiting ? `${why.attempts ?? 0} ${why.summary.replace(/\d+/g, "#")}` : told;
    if (reason !== told) say(`stratos: task ${task}: ${printable(why!.summary)}\n`);
    told = reason;
    timer = setTimeout(() => void look(), lookMs.then).unref();
  };
  timer = setTimeout(() => void look(), lookMs.first).unref();
  try {
    return await work();
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}
