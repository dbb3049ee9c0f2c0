/**
 * Policies: conditions that requests have to meet beside the roles of who asks. A policy gives nothing; each that
 * concerns a request must let it pass. Changing policies is subject to none, so that nobody locks everybody out.
 */
import type { BlockList } from "node:net";
import { isInNetworks, networkList } from "./networks.ts";
import type { PolicyView } from "@stratos/hub-api";
import type { Database } from "../database/database.ts";
import { writeEvents } from "../store/events.ts";
import { HubError, notFound } from "../store/hub-error.ts";
import { demandCondition, UNCONDITIONAL, type Condition } from "../store/versions.ts";
import { demandPatterns } from "./access.ts";
import { grants } from "./permissions.ts";

/** What is decided about, beside who asks for which permission. */
export interface Circumstances {
  /** An address. */
  readonly from: string;
  /** That the request is about, or makes. */
  readonly task?: { readonly owner: string; readonly label: string };
}

export type Policy = Omit<PolicyView, "version">;

const CHANGE = "policy:change";
/** Another hub's change is seen here after so long. */
const CACHE_MS = 2_000;
const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MINUTES_OF_DAY = 1_440;

interface Hours {
  readonly days: ReadonlySet<string>;
  /** Minutes of the day; what ends before it begins goes over midnight. */
  readonly begin: number;
  readonly end: number;
  /** Of its time zone. */
  readonly clock: Intl.DateTimeFormat;
}

/** As it was read, and what its texts mean, once a request has asked. */
interface Known extends PolicyView {
  hours?: Hours;
  networks?: BlockList;
}

export class Policies {
  readonly #database: Database;
  readonly #now: () => Date;
  #known: { readonly untilMs: number; readonly policies: readonly Known[] } | null = null;

  constructor(database: Database, now: () => Date = () => new Date()) {
    this.#database = database;
    this.#now = now;
  }

  /**
   * Before each request is decided about: reads them anew, if that was a while ago. Not within a request's transaction,
   * for whose end a database of one connection would wait.
   */
  async refresh(): Promise<void> {
    if (this.#known === null || performance.now() > this.#known.untilMs) await this.#readAnew();
  }

  /** Of what was read last. @returns why a policy does not let it pass, in words; null: all do */
  refusal(principal: string, permission: string, about: Circumstances): string | null {
    if (permission === CHANGE) return null;
    if (this.#known === null) throw new Error("policies were not read before they are asked");
    for (const policy of this.#known.policies) {
      const { name, permissions, principals } = policy;
      if (!permissions.some((pattern) => grants(pattern, permission))) continue;
      if (principals.length > 0 && !principals.some((glob) => fits(glob, principal))) continue;
      const unmet = unmetCondition(policy, principal, about, this.#now());
      if (unmet !== null) return `the policy ${name} lets it pass ${unmet}`;
    }
    return null;
  }

  async #readAnew(): Promise<void> {
    this.#known = { policies: await this.list(), untilMs: performance.now() + CACHE_MS };
  }

  async list(): Promise<PolicyView[]> {
    const rows = await this.#database.query<{ name: string; rule: Omit<Policy, "name">; version: number }>(
      "select name, rule, version from policy order by name",
    );
    return rows.map(({ name, rule, version }) => ({ name, ...rule, version }));
  }

  /** @returns its version. @throws HubError 412, 422 for one that could never hold, or says nothing */
  async put({ name, ...rule }: Policy, actor: string, condition: Condition = UNCONDITIONAL): Promise<number> {
    demandPatterns(rule.permissions, "bad-permission");
    const { hours, networks, labels, isOwn } = rule.conditions;
    if (hours !== undefined) readHours(hours);
    if (networks !== undefined) networkList(networks);
    if (hours === undefined && networks === undefined && labels === undefined && isOwn !== true)
      throw new HubError(422, "bad-policy", `${name}: it has no condition, and would change nothing`);
    const version = await this.#database.transaction("read committed", async (inside) => {
      await demandCondition(inside, { kind: "policy", name }, condition);
      const [row] = await inside.query<{ version: number }>(
        "insert into policy (name, rule) values ($1, $2::jsonb) on conflict (name) do update set rule = $2::jsonb, " +
          "version = policy.version + 1 returning version",
        [name, JSON.stringify(rule)],
      );
      await writeEvents(inside, [{ actor, what: "POLICY_CHANGED", detail: { policy: name, ...rule } }]);
      return row!.version;
    });
    await this.#readAnew();
    return version;
  }

  async remove(name: string, actor: string, condition: Condition = UNCONDITIONAL): Promise<void> {
    await this.#database.transaction("read committed", async (inside) => {
      await demandCondition(inside, { kind: "policy", name }, condition);
      const rows = await inside.query("delete from policy where name = $1 returning name", [name]);
      if (rows.length === 0) throw notFound(`policy ${name}`);
      await writeEvents(inside, [{ actor, what: "POLICY_REMOVED", detail: { policy: name } }]);
    });
    await this.#readAnew();
  }
}

/** @returns when it would be met, in words */
function unmetCondition(policy: Known, principal: string, { from, task }: Circumstances, now: Date): string | null {
  const { hours, networks, labels, isOwn } = policy.conditions;
  if (hours !== undefined && !isWithin((policy.hours ??= readHours(hours)), now)) return `within ${hours} alone`;
  if (networks !== undefined && !isInNetworks((policy.networks ??= networkList(networks)), from))
    return `from ${networks.join(", ")} alone`;
  // What is about no task is not judged by tasks.
  if (task === undefined) return null;
  if (isOwn === true && task.owner !== principal) return "for one's own tasks alone";
  if (labels !== undefined && !labels.some((glob) => fits(glob, task.label)))
    return `for tasks labelled ${labels.join(", ")} alone`;
  return null;
}

/** `*` is any text. */
function fits(glob: string, text: string): boolean {
  const parts = glob.split("*");
  if (parts.length === 1) return glob === text;
  const [first, last] = [parts[0]!, parts.at(-1)!];
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    at = text.indexOf(part, at);
    if (at < 0 || at + part.length > text.length - last.length) return false;
    at += part.length;
  }
  return true;
}

/** `Mon-Fri 08:00-18:00 Europe/Berlin`; the zone may be left out: UTC. @throws HubError 422 */
export function readHours(text: string): Hours {
  const bad = (why: string): HubError =>
    new HubError(422, "bad-hours", `${text}: ${why}; expected such as Mon-Fri 08:00-18:00 Europe/Berlin`);
  const match = /^(\S+) (\d\d):(\d\d)-(\d\d):(\d\d)(?: (\S+))?$/.exec(text);
  if (match === null) throw bad("no hours");
  const days = new Set<string>();
  for (const part of match[1]!.split(",")) {
    const [from, to = from] = part.split("-").map((day) => DAYS.indexOf(day));
    if (from === undefined || to === undefined || from < 0 || to < 0) throw bad(`${part} is no day`);
    for (let day = from; ; day = (day + 1) % DAYS.length) {
      days.add(DAYS[day]!);
      if (day === to) break;
    }
  }
  const minutes = (hour: string, minute: string): number => Number(hour) * 60 + Number(minute);
  const [begin, end] = [minutes(match[2]!, match[3]!), minutes(match[4]!, match[5]!)];
  if (
    begin >= MINUTES_OF_DAY ||
    end > MINUTES_OF_DAY ||
    Number(match[3]) > 59 ||
    Number(match[5]) > 59 ||
    begin === end
  )
    throw bad("no time of day");
  const timeZone = match[6] ?? "UTC";
  try {
    const clock = new Intl.DateTimeFormat("en-US", {
      timeZone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
    return { days, begin, end, clock };
  } catch {
    throw bad(`${timeZone} is no time zone`);
  }
}

export function isWithin({ days, begin, end, clock }: Hours, now: Date): boolean {
  const parts = clock.formatToParts(now);
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.find((one) => one.type === type)!.value;
  const minute = Number(part("hour")) * 60 + Number(part("minute"));
  const today = part("weekday");
  if (begin < end) return days.has(today) && minute >= begin && minute < end;
  // Over midnight: what began yesterday is of yesterday.
  const yesterday = DAYS[(DAYS.indexOf(today) + DAYS.length - 1) % DAYS.length]!;
  return (days.has(today) && minute >= begin) || (days.has(yesterday) && minute < end);
}
