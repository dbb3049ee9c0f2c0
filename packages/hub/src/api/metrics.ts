/** Prometheus' text format 0.0.4. */
import type { ArtefactCacheView } from "@stratos/hub-api";
import type { CacheCounts } from "../cache/bounded-cache.ts";
import type { HubService } from "../hub-service.ts";
import { countFailures } from "../store/failures.ts";
import { listHosts } from "../store/hosts.ts";
import { countQueue } from "../store/tasks.ts";
import { listWebhooks } from "../store/webhooks.ts";

const BUCKETS_SECONDS = [0.005, 0.02, 0.1, 0.5, 2, 10, 60] as const;

interface Counted {
  count: number;
  sum: number;
  readonly buckets: number[];
}

/** Requests by route and status. Routes are few, so this stays small. */
export class RequestCounts {
  readonly #counts = new Map<string, Counted>();

  add(route: string, status: number, seconds: number): void {
    const key = `route="${route}",status="${status}"`;
    let counted = this.#counts.get(key);
    if (counted === undefined)
      this.#counts.set(key, (counted = { count: 0, sum: 0, buckets: BUCKETS_SECONDS.map(() => 0) }));
    counted.count++;
    counted.sum += seconds;
    BUCKETS_SECONDS.forEach((bound, index) => void (seconds <= bound && counted.buckets[index]!++));
  }

  lines(): string[] {
    const lines = [
      "# HELP stratos_hub_request_seconds Requests, and how long they took.",
      "# TYPE stratos_hub_request_seconds histogram",
    ];
    for (const [key, { count, sum, buckets }] of this.#counts) {
      buckets.forEach((value, index) =>
        lines.push(`stratos_hub_request_seconds_bucket{${key},le="${BUCKETS_SECONDS[index]}"} ${value}`),
      );
      lines.push(`stratos_hub_request_seconds_bucket{${key},le="+Inf"} ${count}`);
      lines.push(
        `stratos_hub_request_seconds_sum{${key}} ${sum}`,
        `stratos_hub_request_seconds_count{${key}} ${count}`,
      );
    }
    return lines;
  }
}

export async function metricsText(hub: HubService, counts: RequestCounts): Promise<string> {
  const queue = await countQueue(hub.database);
  const hosts = await listHosts(hub.database);
  const lines: string[] = [];
  type Rows = readonly (readonly [string, number])[];
  const family = (type: string, name: string, help: string, rows: Rows): void => {
    lines.push(
      `# HELP stratos_hub_${name} ${help}`,
      `# TYPE stratos_hub_${name} ${type}`,
      ...rows.map(([labels, value]) => `stratos_hub_${name}${labels === "" ? "" : `{${labels}}`} ${value}`),
    );
  };
  const gauge = (name: string, help: string, rows: Rows): void => family("gauge", name, help, rows);
  const counter = (name: string, help: string, rows: Rows): void => family("counter", name, help, rows);
  gauge(
    "tasks",
    "Open tasks.",
    queue.states.map(({ channel, state, count }) => [`channel="${channel}",state="${state}"`, count]),
  );
  gauge(
    "oldest_wait_seconds",
    "How long the oldest task in the queue has waited.",
    queue.oldestWaitSeconds.map(({ channel, seconds }) => [`channel="${channel}"`, seconds]),
  );
  gauge(
    "failed_tasks",
    "Tasks that failed.",
    queue.failures.map(({ channel, class: failure, count }) => [`channel="${channel}",class="${failure}"`, count]),
  );
  gauge("hosts", "Hosts.", [
    ['state="online"', hosts.filter(({ online }) => online).length],
    ['state="offline"', hosts.filter(({ online }) => !online).length],
  ]);
  gauge("capacity", "Units of capacity of hosts that are online.", [
    ['state="used"', hosts.reduce((sum, { used, online }) => sum + (online ? used : 0), 0)],
    ['state="free"', hosts.reduce((sum, { used, capacity, online }) => sum + (online ? capacity - used : 0), 0)],
  ]);
  gauge("leader", "Whether this hub leads.", [["", hub.leadership.isLeader ? 1 : 0]]);
  gauge("waiting_hosts", "Hosts that wait for tasks at this hub.", [["", hub.claims.waiting]]);
  gauge("chore_failures", "Chores of the leader that failed since the start.", [["", hub.housekeeping.failures]]);
  gauge(
    "alerts",
    "Alerts of the last 24 hours.",
    (
      await hub.database.query<{ rule: string; count: number }>(
        "select detail->>'rule' as rule, count(*) as count from event where what = 'ALERT' and at > now() - interval " +
          "'1 day' group by 1 order by 1",
      )
    ).map(({ rule, count }) => [`rule="${rule}"`, count]),
  );
  const webhooks = await listWebhooks(hub.database);
  gauge("webhook_deliveries", "Deliveries of webhooks that are still tried, and dead ones, which are not.", [
    ['state="waiting"', webhooks.reduce((sum, { waiting }) => sum + waiting, 0)],
    ['state="dead"', webhooks.reduce((sum, { dead }) => sum + dead, 0)],
  ]);
  gauge(
    "failed_runs",
    "Runs that failed within the last 24 hours, by the cause that their logs tell.",
    (await countFailures(hub.database)).map(({ cause, count }) => [`cause="${cause}"`, count]),
  );
  const { profiler } = hub;
  if (profiler !== null) {
    gauge("profile_seconds", "How long the last profile of this hub took; 0: none was taken.", [
      ["", profiler.lastSeconds],
    ]);
    counter("profiles_total", "Profiles that were taken since the start.", [["", profiler.taken]]);
    counter("profile_failures_total", "Profiles that could not be taken or kept.", [["", profiler.failures]]);
  }
  const caches = hub.caches.map(({ counts: each }) => each);
  const of = (count: (each: CacheCounts) => number): [string, number][] =>
    caches.map((each) => [`cache="${each.name}"`, count(each)]);
  counter(
    "cache_hits_total",
    "What was asked of a cache and was there.",
    of(({ hits }) => hits),
  );
  counter(
    "cache_misses_total",
    "What was asked of a cache and was not there.",
    of(({ misses }) => misses),
  );
  counter(
    "cache_evictions_total",
    "What a cache gave up for want of room.",
    of(({ evicted }) => evicted),
  );
  gauge(
    "cache_entries",
    "What is in a cache.",
    of(({ entries }) => entries),
  );
  gauge(
    "cache_bytes",
    "Bytes of what is in a cache, where they are bounded.",
    of(({ bytes }) => bytes),
  );
  const reported = hosts.flatMap(({ name, artefactCache }) =>
    artefactCache === undefined ? [] : [{ name, artefactCache }],
  );
  const ofHosts = (key: keyof ArtefactCacheView): [string, number][] =>
    reported.map((host) => [`host="${host.name}"`, host.artefactCache[key]]);
  counter("host_cache_hits_total", "Artefacts that a worker needed and had, since it began.", ofHosts("hits"));
  counter("host_cache_misses_total", "Artefacts that a worker had to fetch, since it began.", ofHosts("misses"));
  gauge("host_cache_bytes", "Artefacts that a worker keeps.", ofHosts("bytes"));
  const [age] = await hub.database.query<{ seconds: number }>(
    "select coalesce(extract(epoch from max(now() - xact_start)), 0)::float8 as seconds from pg_stat_activity " +
      "where backend_xmin is not null",
  );
  gauge("oldest_snapshot_seconds", "Age of the oldest transaction: while it is open, dead rows cannot be cleaned up.", [
    ["", age!.seconds],
  ]);
  return `${[...lines, ...counts.lines()].join("\n")}\n`;
}
