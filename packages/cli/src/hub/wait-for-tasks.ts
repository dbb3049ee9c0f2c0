/** Whoever submitted tasks waits for their ends, and for what they built to be in its channel. */
import { setTimeout as sleep } from "node:timers/promises";
import { printable } from "@stratos/base";
import { taskStates } from "@stratos/hub/client";
import type { HubClient, TaskDetails, TaskView } from "@stratos/hub-api";
import { sayingWhyItWaits } from "./why-it-waits.ts";

/** A hub that reads packages takes a moment; one whose storage is away takes until it is back. */
const LOOK_MS = 200;
const PUBLISHED_LOOKS_MAX = 300;

/** Without a word but of what fails, or does not begin. @returns the exit status: 1 when one did not complete */
export async function waitForTasks(client: HubClient, ids: readonly number[]): Promise<number> {
  let status = 0;
  for (const id of ids)
    status = Math.max(
      status,
      await sayingWhyItWaits(client, id, async () => {
        let last: TaskView | undefined;
        for await (last of taskStates(client, id));
        return endOf(client, last!);
      }),
    );
  return status;
}

/** @returns the exit status of a task that ended, when its packages are in its channel's repository */
export async function endOf(client: HubClient, task: TaskView): Promise<number> {
  if (task.state !== "COMPLETED") {
    const why = task.message === null ? "" : `: ${printable(task.message)}`;
    process.stderr.write(`stratos: task ${task.id}: ${task.state}${why}\n`);
    return 1;
  }
  if (task.kind === "build") await whenPublished(client, task);
  return 0;
}

/** Who goes on with `apt`, or promotes, finds the packages there. */
async function whenPublished(client: HubClient, { id, channel }: TaskView): Promise<void> {
  for (let looks = 0; looks < PUBLISHED_LOOKS_MAX; looks++) {
    if ((await client.call<TaskDetails>("GET", `/tasks/${id}`)).publishing !== true) return;
    await sleep(LOOK_MS);
  }
  process.stderr.write(`stratos: task ${id}: its packages are not in channel ${channel} yet\n`);
}
