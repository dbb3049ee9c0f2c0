/**
 * The plugins of a hub. Submissions pass each of them at whichever hub takes them; events are told by the hub that
 * leads, in order, one at a time to each plugin. What a plugin answers to an event is done in the transaction that
 * moves its mark on, so that no hub does it twice.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { PluginEffects, PluginRefusal, PluginView, TaskSubmission } from "@stratos/hub-api";
import type { Database } from "../database/database.ts";
import { eventsAfter, lastCursor, lastGone, parseCursor, writeEvents, type EventCursor } from "../store/events.ts";
import { HubError, notFound } from "../store/hub-error.ts";
import { submitTasks } from "../store/submit-tasks.ts";
import { findTask } from "../store/tasks.ts";
import { Plugin, PLUGIN_TIMES, type PluginTimes } from "./plugin.ts";
import { PluginFault } from "./plugin-thread.ts";

const LOOK_MS = 500;
const BATCH_EVENTS = 500;
/** Then the event is left out, and that is an event. */
const ATTEMPTS_MAX = 3;
const EFFECT_TASKS_MAX = 100;

interface PluginsOptions {
  /** Null: there are none. */
  readonly folder: string | null;
  readonly times?: PluginTimes;
  /** Why something is no task that could be submitted; null: it is one. */
  readonly taskFault: (task: unknown) => string | null;
  readonly isLeader: () => boolean;
  readonly warn: (message: string) => void;
}

export class Plugins {
  readonly #database: Database;
  readonly #options: PluginsOptions;
  readonly #plugins: readonly Plugin[];
  readonly #ended = new AbortController();
  #following: Promise<unknown> = Promise.resolve();

  /** @throws Error for a folder that cannot be read */
  constructor(database: Database, options: PluginsOptions) {
    this.#database = database;
    this.#options = options;
    const { folder, warn, times = PLUGIN_TIMES } = options;
    const names =
      folder === null ? [] : readdirSync(folder).flatMap((file) => /^(\w[\w.-]*)\.mjs$/.exec(file)?.[1] ?? []);
    this.#plugins = names.sort().map((name) => new Plugin(name, join(folder!, `${name}.mjs`), { times, warn }));
  }

  async start(): Promise<void> {
    await Promise.all(this.#plugins.map((plugin) => plugin.load()));
    this.#following = Promise.all(this.#plugins.map((plugin) => this.#follow(plugin)));
  }

  async close(): Promise<void> {
    this.#ended.abort();
    await Promise.all(this.#plugins.map((plugin) => plugin.close()));
    await this.#following;
  }

  list(): PluginView[] {
    return this.#plugins.map((plugin) => plugin.view());
  }

  /** From its files anew. @throws HubError 404 */
  async restart(name: string, actor: string): Promise<PluginView> {
    const plugin = this.#plugins.find((one) => one.name === name);
    if (plugin === undefined) throw notFound(`plugin ${name}`);
    await plugin.load();
    const view = plugin.view();
    const { version, state } = view;
    await writeEvents(this.#database, [{ actor, what: "PLUGIN_RESTARTED", detail: { plugin: name, version, state } }]);
    return view;
  }

  /**
   * What plugins make of tasks that somebody submits. One that fails is passed over, unless it is required.
   * @throws HubError 422 for what a plugin refuses, 503 for one that is required and fails
   */
  async admit<Task extends TaskSubmission>(tasks: readonly Task[], owner: string): Promise<readonly Task[]> {
    let admitted = tasks;
    for (const plugin of this.#plugins) {
      if (plugin.isMissed) throw missed(plugin.name);
      if (tasks.length === 0 || !plugin.has("submission")) continue;
      try {
        const answers = (await plugin.call("submission", admitted, { owner })) as readonly (Task | PluginRefusal)[];
        const refusal = answers.find((answer): answer is PluginRefusal => Object.hasOwn(Object(answer), "refuse"));
        if (refusal !== undefined)
          throw new HubError(
            422,
            "refused-by-plugin",
            `plugin ${plugin.name}: ${String(refusal.refuse).slice(0, 1_000)}`,
          );
        const odd = this.#faultOf(answers);
        if (odd !== undefined) throw plugin.failed(`submission() answered what is no task: ${odd}`);
        admitted = answers as readonly Task[];
      } catch (error) {
        if (!(error instanceof PluginFault)) throw error;
        if (plugin.isRequired) throw missed(plugin.name);
      }
    }
    return admitted;
  }

  async #follow(plugin: Plugin): Promise<void> {
    const { signal } = this.#ended;
    let said = "";
    while (!signal.aborted) {
      try {
        while (!signal.aborted && this.#options.isLeader() && plugin.has("event") && (await this.#tell(plugin)));
        said = "";
      } catch (error) {
        const text = (error as Error).message;
        // The database is away, most likely, for as long as it takes.
        if (text !== said && !signal.aborted) this.#options.warn(`plugin ${plugin.name}: ${text}`);
        said = text;
      }
      await this.#pause(LOOK_MS);
    }
  }

  /** Until then, or until the hub ends. */
  #pause(milliseconds: number): Promise<void> {
    return pause(milliseconds, undefined, { signal: this.#ended.signal }).catch(() => {});
  }

  /** @returns whether there may be more */
  async #tell(plugin: Plugin): Promise<boolean> {
    const mark = `plugin:${plugin.name}`;
    const before = await this.#markOf(mark);
    const events = await eventsAfter(this.#database, before, BATCH_EVENTS);
    const gone = await lastGone(this.#database, before);
    if (gone !== null) return this.#leaveOut(plugin, before, gone);
    const wanted = events.findIndex(({ what }) => plugin.wants(what));
    if (events.length === 0) return false;
    if (wanted === -1) return this.#move(mark, before, parseCursor(events.at(-1)!.cursor));
    const event = events[wanted]!;
    const cursor = parseCursor(event.cursor);
    const task = event.task === null ? null : await findTask(this.#database, event.task).catch(orNull);
    let message = "";
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      try {
        const { submit = [] } = this.#effectsOf(plugin, await plugin.call("event", event, { task }));
        return await this.#move(mark, before, cursor, async (inside) => {
          if (submit.length > 0) await submitTasks(this.#database, submit, { owner: mark, inside });
        });
      } catch (error) {
        // Of tasks that cannot be: of a channel that is not there, over a brake.
        if (error instanceof HubError) plugin.failed(error.message);
        else if (!(error instanceof PluginFault)) throw error;
        message = error.message;
        // Once it is asked again, it is told of this event again.
        if (!plugin.has("event") || this.#ended.signal.aborted) return false;
        if (attempt < ATTEMPTS_MAX) await this.#pause((this.#options.times ?? PLUGIN_TIMES).againMs * attempt);
      }
    }
    return this.#move(mark, before, cursor, (inside) =>
      writeEvents(inside, [
        {
          actor: mark,
          what: "PLUGIN_FAILED",
          task: event.task,
          detail: { plugin: plugin.name, event: event.id, message },
        },
      ]),
    );
  }

  /** It was behind what has been taken out into a file: it goes on behind that, and nobody need guess. */
  #leaveOut({ name }: Plugin, before: EventCursor, gone: EventCursor): Promise<boolean> {
    const [after, through] = [before, gone].map(({ tx, id }) => `${tx}-${id}`);
    const mark = `plugin:${name}`;
    this.#options.warn(`plugin ${name}: events behind ${after} through ${through} were taken out before it saw them`);
    return this.#move(mark, before, gone, (inside) =>
      writeEvents(inside, [{ actor: mark, what: "PLUGIN_MISSED_EVENTS", detail: { plugin: name, after, through } }]),
    );
  }

  async #markOf(mark: string): Promise<EventCursor> {
    const read = async (): Promise<EventCursor | null> => {
      const [row] = await this.#database.query<{ value: string }>("select value from setting where name = $1", [mark]);
      if (row === undefined) return null;
      const [tx, id] = row.value.split(" ").map(Number);
      return { tx: tx!, id: id! };
    };
    const known = await read();
    if (known !== null) return known;
    // One that is new is told of what comes.
    const { tx, id } = await lastCursor(this.#database);
    await this.#database.query("insert into setting (name, value) values ($1, $2) on conflict do nothing", [
      mark,
      `${tx} ${id}`,
    ]);
    return (await read())!;
  }

  /** @returns false: another hub was first, and nothing was done */
  #move(
    mark: string,
    before: EventCursor,
    { tx, id }: EventCursor,
    work: (inside: Parameters<Parameters<Database["transaction"]>[1]>[0]) => Promise<void> = async () => {},
  ): Promise<boolean> {
    return this.#database.transaction("read committed", async (inside) => {
      const moved = await inside.query("update setting set value = $3 where name = $1 and value = $2 returning 1", [
        mark,
        `${before.tx} ${before.id}`,
        `${tx} ${id}`,
      ]);
      if (moved.length === 0) return false;
      await work(inside);
      return true;
    });
  }

  /** @throws PluginFault */
  #effectsOf(plugin: Plugin, answer: unknown): PluginEffects {
    const { submit = [] } = Object(answer) as { submit?: unknown };
    if (!Array.isArray(submit) || submit.length > EFFECT_TASKS_MAX)
      throw plugin.failed(`event() answered no list of at most ${EFFECT_TASKS_MAX} tasks`);
    const odd = this.#faultOf(submit);
    if (odd !== undefined) throw plugin.failed(`event() answered what is no task: ${odd}`);
    return { submit: submit as TaskSubmission[] };
  }

  #faultOf(tasks: readonly unknown[]): string | undefined {
    for (const task of tasks) {
      const fault = this.#options.taskFault(task);
      if (fault !== null) return fault;
    }
    return undefined;
  }
}

const missed = (name: string): HubError =>
  new HubError(503, "plugin-fails", `plugin ${name} is required, and fails; nothing is submitted until it works`, {
    headers: { "Retry-After": "30" },
  });

function orNull(error: unknown): null {
  if (error instanceof HubError) return null;
  throw error;
}
