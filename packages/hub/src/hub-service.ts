/** The hub, without its faces: the database, what wakes whom, and what one hub of several does for all. */
import { hostname } from "node:os";
import type { HubSettings } from "@stratos/hub-api";
import { Access } from "./access/access.ts";
import { AccessLog } from "./access/access-log.ts";
import { Policies } from "./access/policies.ts";
import type { CacheCounts } from "./cache/bounded-cache.ts";
import { ClaimPolls } from "./claim-polls.ts";
import { CERTIFICATE_LIFE_SECONDS, WorkerCertificates } from "./access/worker-certificates.ts";
import type { Database } from "./database/database.ts";
import { OwnRules } from "./failures/own-rules.ts";
import { Feed } from "./feed.ts";
import { ClockSteps } from "./leader/clock-steps.ts";
import { Housekeeping, storeChores, type Chore } from "./leader/housekeeping.ts";
import { Leadership } from "./leader/leadership.ts";
import { Plugins } from "./plugins/plugins.ts";
import type { PluginTimes } from "./plugins/plugin.ts";
import { Readiness } from "./readiness.ts";
import { RunTimeSettings, type SettingTargets } from "./run-time-settings.ts";
import { Profiler, type ProfilerSettings } from "./profiling/profiler.ts";

export interface HubOptions {
  readonly leaseSeconds: number;
  /** A leader that hangs is replaced after so long. */
  readonly leaderSeconds: number;
  readonly warn: (message: string) => void;
  /** How workers prove which host they are; absent: by a certificate or a key, whichever they have. */
  readonly workerCertificates?: { readonly lifeSeconds: number; readonly isRequired: boolean };
  /** Whose modules are its plugins; absent: there are none. */
  readonly plugins?: {
    readonly folder: string;
    readonly times?: PluginTimes;
    readonly taskFault: (task: unknown) => string | null;
  };
  /** Its operator's own rules of failures; absent: none. */
  readonly failureRules?: ConstructorParameters<typeof OwnRules>[0];
  /** Of this process; absent: it takes none. */
  readonly profiles?: ProfilerSettings & { readonly software: string };
  /** What it runs with, for people; absent: nothing is said. */
  readonly settings?: () => HubSettings;
  /** Whether it is served over TLS. */
  readonly isTls?: boolean;
}

export const HUB_DEFAULTS = { leaseSeconds: 60, leaderSeconds: 5 } as const;

export class HubService {
  readonly database: Database;
  readonly options: HubOptions;
  readonly access: Access;
  readonly certificates: WorkerCertificates;
  readonly policies: Policies;
  readonly accessLog: AccessLog;
  readonly claims: ClaimPolls;
  readonly feed: Feed;
  readonly leadership: Leadership;
  readonly housekeeping: Housekeeping;
  readonly plugins: Plugins;
  readonly failureRules: OwnRules;
  /** Null: it takes no profiles of itself. */
  readonly profiler: Profiler | null;
  readonly settings: RunTimeSettings;
  readonly readiness: Readiness;
  /** Whose hits and misses metrics tell. */
  readonly caches: { readonly counts: CacheCounts }[] = [];

  constructor(database: Database, options: HubOptions, chores: readonly Chore[] = []) {
    this.database = database;
    this.options = options;
    this.readiness = new Readiness(database);
    this.access = new Access(database);
    this.certificates = new WorkerCertificates(database, this.access, {
      ...(options.workerCertificates ?? { lifeSeconds: CERTIFICATE_LIFE_SECONDS, isRequired: false }),
      isTls: options.isTls === true,
    });
    this.caches.push(this.access.cache, this.certificates.cache);
    this.policies = new Policies(database);
    this.accessLog = new AccessLog(database, this.policies, options.warn);
    this.claims = new ClaimPolls(database, options.leaseSeconds);
    this.feed = new Feed(database);
    const clock = new ClockSteps(database, options.warn);
    this.leadership = new Leadership(database, {
      holder: `${hostname()}:${process.pid}`,
      leaseSeconds: options.leaderSeconds,
      warn: options.warn,
      changed: (isLeader, term) => {
        clock.forget();
        if (isLeader) this.housekeeping.nudge();
        if (database.isShared) options.warn(isLeader ? `leads, term ${term}` : "leads no more");
      },
    });
    this.housekeeping = new Housekeeping(
      [...storeChores(database, clock), ...chores],
      () => this.leadership.isLeader,
      options.warn,
    );
    this.failureRules = new OwnRules(options.failureRules ?? [], options.warn);
    this.profiler = options.profiles === undefined ? null : new Profiler({ ...options.profiles, warn: options.warn });
    this.settings = new RunTimeSettings(database, { isTls: options.isTls === true, warn: options.warn });
    this.settings.use(this.#targets());
    this.plugins = new Plugins(database, {
      folder: null,
      taskFault: () => null,
      ...options.plugins,
      isLeader: () => this.leadership.isLeader,
      warn: options.warn,
    });
  }

  async start(): Promise<void> {
    // Heard of first, so that no change falls between.
    await this.database.listen(CHANNELS, (channel, payload) => this.#heard(channel, payload));
    await this.settings.refresh();
    this.profiler?.start();
    this.leadership.start();
    this.housekeeping.start();
    this.feed.start();
    await this.plugins.start();
  }

  /** Answers those who wait, then stops. The database stays open. */
  async close(): Promise<void> {
    this.claims.close();
    this.feed.close();
    await this.profiler?.close();
    await this.plugins.close();
    await this.housekeeping.close();
    await this.failureRules.close();
    await this.leadership.close();
    await this.accessLog.close();
  }

  /** What it changes of itself while it runs. */
  #targets(): SettingTargets {
    const { certificates, profiler, options } = this;
    const { isRequired, lifeSeconds } = certificates.settings;
    const certify = (settings: Partial<typeof certificates.settings>): void =>
      void (certificates.settings = { ...certificates.settings, ...settings });
    return {
      "worker-certificates": {
        started: isRequired ? "require" : "allow",
        apply: (how: string) => certify({ isRequired: how === "require" }),
      },
      "worker-certificate-life": {
        started: lifeSeconds,
        apply: (seconds: number) => certify({ lifeSeconds: seconds }),
      },
      ...(profiler === null || options.profiles === undefined ? {} : profileTargets(profiler, options.profiles)),
    };
  }

  #heard(channel: string, payload: string): void {
    if (channel === "hub_setting" || channel === "")
      void this.settings
        .refresh()
        .catch((error: unknown) => this.options.warn(`settings: ${(error as Error).message}`));
    if (channel === "hub_setting") return;
    this.feed.nudge();
    if (channel === "hub_runnable") {
      const [name, arch, count, ...place] = payload.split(" ");
      this.claims.cameIn(
        name!,
        arch!,
        Number(count),
        place.length === 3 ? (place.map(Number) as [number, number, number]) : null,
      );
    } else if (channel === "hub_cancel" || channel === "hub_offered") this.claims.wakeHost(payload);
    else if (channel === "hub_ended") this.housekeeping.nudge();
    else {
      // The connection was lost for a while: anything may have been missed.
      this.claims.wakeAll();
      this.housekeeping.nudge();
    }
  }
}

const CHANNELS = ["hub_runnable", "hub_offered", "hub_cancel", "hub_ended", "hub_setting"];

function profileTargets(profiler: Profiler, started: ProfilerSettings): SettingTargets {
  return {
    "profile-every": {
      started: started.everySeconds ?? 0,
      apply: (seconds: number) => profiler.change({ everySeconds: seconds === 0 ? null : seconds }),
    },
    "profile-time": { started: started.seconds, apply: (seconds: number) => profiler.change({ seconds }) },
    "profile-keep": { started: started.keep, apply: (keep: number) => profiler.change({ keep }) },
    "profile-size": {
      started: Math.max(1, Math.round(started.bytesMax / (1 << 20))),
      apply: (mebibytes: number) => profiler.change({ bytesMax: mebibytes * (1 << 20) }),
    },
  };
}
