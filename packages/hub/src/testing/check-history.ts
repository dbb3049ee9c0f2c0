/**
 * The model of a task's life: its events are replayed, each of which must be allowed by what came before it. Tasks are
 * looked at one after the other, so that a million take no more memory than one.
 */
import type { TaskState } from "@stratos/hub-api";
import type { Queryable } from "../database/database.ts";

/** What may come after a state of a task. */
const NEXT_STATES: Readonly<Record<TaskState, readonly TaskState[]>> = {
  BLOCKED: ["FREE", "CANCELED"],
  FREE: ["ASSIGNED", "CANCELED"],
  ASSIGNED: ["RUNNING", "FREE", "FAILED", "CANCELED"],
  RUNNING: ["COMPLETED", "FAILED", "CANCELED", "FREE"],
  COMPLETED: [],
  FAILED: ["FREE"],
  CANCELED: ["FREE"],
};
const ENDS: readonly TaskState[] = ["COMPLETED", "FAILED", "CANCELED"];
const READ_ROWS = 5_000;

interface TaskEvent {
  readonly task: number;
  readonly id: number;
  readonly what: string;
  readonly run: number | null;
}

interface History {
  readonly tasks: number;
  readonly events: number;
  /** Tasks by how they ended. */
  readonly ends: Readonly<Partial<Record<TaskState, number>>>;
}

/**
 * @param after  a task; only younger ones are looked at
 * @throws Error in words for what must not be
 */
export async function checkHistory(database: Queryable, channel: string, after = 0): Promise<History> {
  const ends: Partial<Record<TaskState, number>> = {};
  let [tasks, events] = [0, 0];
  let life = new Life(0);
  const close = (): void => {
    if (life.task === 0) return;
    const state = life.end();
    ends[state] = (ends[state] ?? 0) + 1;
    tasks++;
  };
  for (let last: Pick<TaskEvent, "task" | "id"> = { task: after + 1, id: 0 }; ;) {
    // By the events' index alone: whose they are is looked at for the rows that were read.
    const rows = await database.query<TaskEvent & { channel: string | null }>(
      `select e.task_id as task, e.id, e.what, e.run_id as run, t.channel from (
         select task_id, id, what, run_id from event
         where task_id is not null and (task_id, id) > ($1::bigint, $2::bigint)
         order by task_id, id limit ${READ_ROWS}
       ) e left join task t on t.id = e.task_id order by e.task_id, e.id`,
      [last.task, last.id],
    );
    for (const event of rows) {
      if (event.channel !== channel) continue;
      if (event.task !== life.task) {
        close();
        life = new Life(event.task);
      }
      life.meet(event);
      events++;
    }
    if (rows.length < READ_ROWS) break;
    last = rows.at(-1)!;
  }
  close();
  return { tasks, events, ends };
}

interface BrakedEvents {
  readonly channel: string;
  /** A task; only younger ones are looked at. */
  readonly after: number;
  /** That may run at once, as long as the brake was there. */
  readonly most: number;
  readonly lastEvent: number;
}

/**
 * Events are numbered as they are made. A claim under a brake makes its own after it saw all earlier claims, and which
 * runs had ended: so it finds no less room than it had.
 *
 * @throws Error in words for what must not be
 */
export async function checkBrake(on: Queryable, { channel, after, most, lastEvent }: BrakedEvents): Promise<void> {
  const rows = await on.query<TaskEvent>(
    `select e.task_id as task, e.id, e.what, e.run_id as run from event e join task t on t.id = e.task_id
     where t.id > $1 and t.channel = $2 and e.id <= $3 order by e.id`,
    [after, channel, lastEvent],
  );
  const running = new Set<number>();
  for (const { task, id, what } of rows) {
    if (what === "ASSIGNED") running.add(task);
    else if (what === "FREE" || ENDS.includes(what as TaskState)) running.delete(task);
    if (running.size > most) throw new Error(`event ${id}: ${running.size} tasks run, and the brake allows ${most}`);
  }
}

class Life {
  readonly task: number;
  #state: TaskState | undefined;
  /** The run that has the task. */
  #holder: number | undefined;
  #isCompleted = false;

  constructor(task: number) {
    this.task = task;
  }

  meet({ what, run }: TaskEvent): void {
    if (what.startsWith("RUN_")) {
      if (this.#holder !== run) this.#fail(`${what} of run ${run}, and run ${this.#holder} had it`);
      return;
    }
    if (!(what in NEXT_STATES)) return;
    const [state, next] = [this.#state, what as TaskState];
    const isFirst = state === undefined && (next === "FREE" || next === "BLOCKED");
    if (!isFirst && (state === undefined || !NEXT_STATES[state].includes(next))) this.#fail(`from ${state} to ${next}`);
    if (next === "ASSIGNED") {
      if (this.#holder !== undefined) this.#fail(`run ${run} while run ${this.#holder} has it`);
      this.#holder = run!;
    } else if (run !== null && this.#holder !== run)
      this.#fail(`${next} by run ${run}, and run ${this.#holder} had it`);
    if (next === "COMPLETED") {
      if (this.#isCompleted) this.#fail("completed twice");
      this.#isCompleted = true;
    }
    if (next !== "ASSIGNED" && next !== "RUNNING") this.#holder = undefined;
    this.#state = next;
  }

  /** @returns how it ended */
  end(): TaskState {
    const state = this.#state;
    if (state === undefined || !ENDS.includes(state)) throw new Error(`task ${this.task} ended as ${state}`);
    return state;
  }

  #fail(words: string): never {
    throw new Error(`task ${this.task}: ${words}`);
  }
}
