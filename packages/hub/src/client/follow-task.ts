/** What goes on at a hub, told as it happens; a hub that restarts, or a network that breaks off, is waited for. */
import { setTimeout as sleep } from "node:timers/promises";
import { HubProblem, type EventView, type HubClient, type StreamEvent, type TaskView } from "@stratos/hub-api";

const TRIES_MAX = 30;
const TRY_AGAIN_MS = 1_000;
const HUB_ENDED_MS = 500;
/** A balancer without a hub behind it, a hub without its database or with too many who watch: it passes. */
const AWAY: readonly number[] = [429, 502, 503, 504];

/** Each state of a task until it has ended. */
export async function* taskStates(client: HubClient, id: number): AsyncGenerator<TaskView> {
  for (let lastId = ""; ;) {
    for await (const event of goOn(client, `/tasks/${id}/stream`, lastId)) {
      lastId = event.id;
      const task = event.data as TaskView;
      yield task;
      if (task.finished !== null) return;
    }
    await sleep(HUB_ENDED_MS);
  }
}

/** What a task writes, through all its attempts, until it has ended. */
export async function* taskLog(client: HubClient, id: number): AsyncGenerator<string> {
  for (let lastId = ""; ;) {
    for await (const event of goOn(client, `/tasks/${id}/log/stream`, lastId)) {
      lastId = event.id;
      if (event.event === "end") return;
      yield (event.data as { text: string }).text;
    }
    // The hub ended, and the task has not.
    await sleep(HUB_ENDED_MS);
  }
}

/**
 * Without an end.
 *
 * @param lastId  cursor of the last event that was seen
 * @param onGone  told, in the hub's words, that events which were not seen are there no more; it goes on with the first
 *   that there is
 */
export async function* hubEvents(
  client: HubClient,
  lastId: string,
  onGone: (words: string) => void,
): AsyncGenerator<EventView> {
  for (let last = lastId; ;) {
    try {
      for await (const event of goOn(client, "/events/stream", last)) {
        last = event.id;
        yield event.data as EventView;
      }
    } catch (error) {
      const first = error instanceof HubProblem && error.status === 410 ? error.problem.first : undefined;
      if (first == null) throw error;
      onGone((error as HubProblem).message);
      last = first.cursor;
      yield first;
    }
  }
}

/** Taken up again behind what was seen. @throws what the first try throws, and the last */
async function* goOn(client: HubClient, path: string, lastId: string): AsyncGenerator<StreamEvent> {
  let last = lastId;
  for (let failures = 0; ; failures++) {
    try {
      for await (const event of client.stream(path, { lastId: last })) {
        failures = 0;
        last = event.id;
        yield event;
      }
      return;
    } catch (error) {
      const isNetwork =
        error instanceof HubProblem
          ? AWAY.includes(error.status)
          : error instanceof TypeError || (error as { code?: string }).code !== undefined;
      if (!isNetwork || failures >= TRIES_MAX || (failures === 0 && last === "")) throw error;
      await sleep(TRY_AGAIN_MS);
    }
  }
}
