/**
 * Settings that a running hub takes others of, without a restart. What is set stands in the database, so it is that of
 * all hubs of one database, now and after their next start, and goes before what their options say until it is taken
 * back (decision 0094).
 */
import type { ChangeableSetting } from "@stratos/hub-api";
import type { Database, Queryable } from "./database/database.ts";
import { writeEvents } from "./store/events.ts";
import { HubError } from "./store/hub-error.ts";
import { ADVISORY_LOCKS } from "./database/advisory-locks.ts";

type Value = number | string;

type Rule = Pick<ChangeableSetting, "kind" | "unit" | "minimum" | "maximum" | "choices">;

const DAY_SECONDS = 86_400;
const count = (minimum: number, maximum: number, unit?: "ms" | "MiB"): Rule => ({
  kind: "count",
  ...(unit === undefined ? {} : { unit }),
  ...{ minimum, maximum },
});
const seconds = (minimum: number, maximum: number): Rule => ({ kind: "seconds", unit: "s", minimum, maximum });

/** By the names of their options, with the bounds of these; 0 is none where it is allowed. */
const RULES = {
  "rate-limit": count(0, 1_000_000),
  "keep-alive": seconds(1, DAY_SECONDS),
  "request-timeout": seconds(1, DAY_SECONDS),
  "headers-timeout": seconds(1, DAY_SECONDS),
  "pool": count(2, 1_000),
  "slow-query": count(1, 2_000_000_000, "ms"),
  "worker-certificates": { kind: "choice", choices: ["allow", "require"] },
  "worker-certificate-life": seconds(1, 3_650 * DAY_SECONDS),
  "profile-every": seconds(0, 7 * DAY_SECONDS),
  "profile-time": seconds(1, 60),
  "profile-keep": count(1, 10_000),
  "profile-size": count(1, 1_000_000, "MiB"),
} as const satisfies Record<string, Rule>;

export type SettingName = keyof typeof RULES;

/** What a hub does with a setting. One without is not this hub's: a database in its process has no pool. */
export interface SettingTarget {
  /** As the hub was started. */
  readonly started: Value;
  readonly apply: (value: never) => void;
}

export type SettingTargets = Readonly<Partial<Record<SettingName, SettingTarget>>>;

interface Change {
  readonly actor: string;
  /** Which it must have; null: any. */
  readonly version: number | null;
}

interface Kept {
  /** Null: it was set and taken back, which leaves its version. */
  readonly value: Value | null;
  readonly by: string;
  readonly at: string;
  /** Counts its changes; 1 is a setting that nobody has changed. */
  readonly version: number;
}

/** Among what else stands in `setting`. */
const PREFIX = "option:";

export class RunTimeSettings {
  readonly #database: Database;
  readonly #warn: (message: string) => void;
  readonly #isTls: boolean;
  #targets: SettingTargets = {};
  #kept: ReadonlyMap<SettingName, Kept> = new Map();
  readonly #applied = new Map<SettingName, Value>();

  constructor(database: Database, { isTls, warn }: { readonly isTls: boolean; warn(message: string): void }) {
    this.#database = database;
    this.#isTls = isTls;
    this.#warn = warn;
  }

  /** Before it is started: what changes. */
  use(targets: SettingTargets): void {
    this.#targets = { ...this.#targets, ...targets };
  }

  /** Reads what was set, by whichever hub, and does it. */
  async refresh(): Promise<void> {
    this.#kept = await readKept(this.#database, (words) => this.#warn(words));
    this.#apply();
  }

  /** Undefined: this hub has no such setting. */
  value(name: SettingName): Value | undefined {
    return this.#targets[name] === undefined ? undefined : this.#valueOf(name, this.#kept);
  }

  list(): ChangeableSetting[] {
    return namesIn(this.#targets).map((name) => this.#view(name));
  }

  /** @throws HubError 404 for what no running hub changes */
  find(name: string): ChangeableSetting {
    return this.#view(this.#demand(name));
  }

  /**
   * @throws HubError 404 for what no running hub changes, 412 when it has changed since, 422 for a value that it cannot
   *   have
   */
  async set(name: string, value: unknown, change: Change): Promise<ChangeableSetting> {
    const known = this.#demand(name);
    const fault = valueFault(RULES[known], value);
    if (fault !== null) throw new HubError(422, "bad-setting", `${name}: ${fault}`);
    return this.#change(known, value as Value, change);
  }

  /** What the hubs were started with counts again. @throws HubError 404, 412 */
  async reset(name: string, change: Change): Promise<ChangeableSetting> {
    return this.#change(this.#demand(name), null, change);
  }

  #demand(name: string): SettingName {
    if (isSetting(name) && this.#targets[name] !== undefined) return name;
    throw new HubError(404, "no-such-setting", `${name}: no setting that this hub changes while it runs`);
  }

  async #change(name: SettingName, next: Value | null, { actor, version }: Change): Promise<ChangeableSetting> {
    await this.#database.transaction("read committed", async (inside) => {
      // What goes together only (`headers-timeout`, `request-timeout`) is changed by one at a time.
      await inside.query("select pg_advisory_xact_lock($1)", [ADVISORY_LOCKS.setting]);
      const kept = new Map(await readKept(inside, () => {}));
      const now = kept.get(name)?.version ?? 1;
      if (version !== null && version !== now)
        throw new HubError(412, "changed", `setting ${name} has changed: it is version ${now} now`);
      const before = this.#valueOf(name, kept);
      kept.set(name, { value: next, by: actor, at: "", version: now + 1 });
      this.#demandTogether(kept);
      await inside.query(
        `insert into setting (name, value) values ($1, jsonb_build_object('value', $2::jsonb, 'by', $3::text, 'at',
           now(), 'version', $4::int)::text) on conflict (name) do update set value = excluded.value`,
        [PREFIX + name, JSON.stringify(next), actor, now + 1],
      );
      const value = this.#valueOf(name, kept);
      const detail = { setting: name, before, value, ...(next === null ? { isReset: true } : {}) };
      await writeEvents(inside, [{ actor, what: "SETTING_CHANGED", detail }]);
      await inside.query("select pg_notify('hub_setting', $1)", [name]);
    });
    await this.refresh();
    return this.#view(name);
  }

  /** @throws HubError 409 */
  #demandTogether(kept: ReadonlyMap<SettingName, Kept>): void {
    const of = (name: SettingName): Value => this.#valueOf(name, kept);
    const refuse = (words: string): never => {
      throw new HubError(409, "settings-conflict", words);
    };
    if (this.#has("headers-timeout", "request-timeout") && of("headers-timeout") > of("request-timeout"))
      refuse(`headers-timeout, ${of("headers-timeout")} s, is more than request-timeout, ${of("request-timeout")} s`);
    const every = this.#has("profile-every", "profile-time") ? of("profile-every") : 0;
    if (every !== 0 && every < of("profile-time"))
      refuse(`profile-every, ${every} s, is less than profile-time, ${of("profile-time")} s`);
    if (this.#has("worker-certificates") && of("worker-certificates") === "require" && !this.#isTls)
      refuse("nobody shows a certificate without TLS: `stratos hub --tls-cert FILE --tls-key FILE`");
  }

  #has(...names: readonly SettingName[]): boolean {
    return names.every((name) => this.#targets[name] !== undefined);
  }

  #valueOf(name: SettingName, kept: ReadonlyMap<SettingName, Kept>): Value {
    return kept.get(name)?.value ?? this.#targets[name]!.started;
  }

  #view(name: SettingName): ChangeableSetting {
    const kept = this.#kept.get(name);
    const set = kept === undefined || kept.value === null ? null : kept;
    return {
      ...{ name, ...RULES[name], value: this.#valueOf(name, this.#kept), started: this.#targets[name]!.started },
      ...{ setBy: set?.by ?? null, setAt: set === null ? null : new Date(set.at).toISOString() },
      version: kept?.version ?? 1,
    };
  }

  #apply(): void {
    for (const name of namesIn(this.#targets)) {
      const { started, apply } = this.#targets[name]!;
      const value = this.#valueOf(name, this.#kept);
      if (value === (this.#applied.get(name) ?? started)) continue;
      apply(value as never);
      this.#applied.set(name, value);
    }
  }
}

const isSetting = (name: string): name is SettingName => Object.hasOwn(RULES, name);
const namesIn = (targets: SettingTargets): SettingName[] => Object.keys(targets) as SettingName[];

/** A value that a newer program has set, and this one doesn't take, is none; it stays for that one. */
async function readKept(on: Queryable, warn: (words: string) => void): Promise<Map<SettingName, Kept>> {
  const rows = await on.query<{ name: string; value: string }>(
    "select name, value from setting where starts_with(name, $1)",
    [PREFIX],
  );
  const kept = new Map<SettingName, Kept>();
  for (const { name: row, value: text } of rows) {
    const name = row.slice(PREFIX.length);
    // Hubs before this kept no version.
    const one: Kept = { version: 1, ...(JSON.parse(text) as Omit<Kept, "version">) };
    const isTakenBack = one.value === null;
    const fault = !isSetting(name)
      ? "there is no such setting"
      : isTakenBack
        ? null
        : valueFault(RULES[name], one.value);
    if (fault === null) kept.set(name as SettingName, one);
    else warn(`setting ${name}, set by ${one.by}: ${fault}; it is passed over`);
  }
  return kept;
}

/** @returns why not, in words */
function valueFault({ kind, minimum, maximum, choices }: Rule, value: unknown): string | null {
  if (kind === "choice") return choices!.includes(value as string) ? null : `expected ${choices!.join(" or ")}`;
  const isWithin = Number.isSafeInteger(value) && (value as number) >= minimum! && (value as number) <= maximum!;
  return isWithin
    ? null
    : `expected a whole number from ${minimum} to ${maximum}${kind === "seconds" ? ", of seconds" : ""}`;
}
