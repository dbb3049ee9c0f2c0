/** What the console tells Prometheus of itself and of the systems. */
import type { SystemView } from "@stratos/sdk/api";
import type { SupervisorClient } from "@stratos/sdk/systems";
import { MetricsText, type RequestCounters } from "@stratos/volumes/serve";

interface ConsoleState {
  /** @throws StratosError */
  readonly openSupervisor: () => Promise<SupervisorClient>;
  readonly counters: RequestCounters;
  /** Browsers that are signed in. */
  readonly sessions: number;
  /** That are watched. */
  readonly terminals: number;
}

/** Each is told of, even while no system is in it. */
const STATES: readonly SystemView["state"][] = ["starting", "running", "paused", "exited", "lost"];

/** @param namesSystems  false: only sums are told, for whoever reaches the loopback. @throws StratosError */
export async function consoleMetrics(
  { openSupervisor, counters, sessions, terminals }: ConsoleState,
  namesSystems: boolean,
): Promise<string> {
  const client = await openSupervisor();
  let systems: readonly SystemView[];
  try {
    systems = (await client.call("systems", {}).answer).value as readonly SystemView[];
  } finally {
    client.close();
  }
  const metrics = new MetricsText();
  metrics.family(
    "stratos_systems",
    "gauge",
    "Named systems, by state.",
    STATES.map((state) => [`state="${state}"`, systems.filter((system) => system.state === state).length]),
  );
  if (namesSystems) {
    const labelled = systems.map((system) => ({ label: `system="${system.name}",image="${system.image}"`, system }));
    metrics.family(
      "stratos_system_running",
      "gauge",
      "1 while the system runs.",
      labelled.map(({ label, system }) => [label, system.state === "running" ? 1 : 0]),
    );
    metrics.family(
      "stratos_system_started_seconds",
      "gauge",
      "When it was started, in seconds since 1970.",
      labelled.map(({ label, system }) => [label, system.startedMs / 1000]),
    );
    metrics.family(
      "stratos_system_memory_limit_bytes",
      "gauge",
      "Memory that its machine has.",
      labelled.map(({ label, system }) => [label, system.memoryBytes]),
    );
    metrics.family(
      "stratos_system_snapshots",
      "gauge",
      "Snapshots of it.",
      labelled.map(({ label, system }) => [label, system.snapshots.length]),
    );
  }
  metrics.family("stratos_console_sessions", "gauge", "Browsers that are signed in.", [["", sessions]]);
  metrics.family("stratos_console_terminals", "gauge", "Terminals that are watched.", [["", terminals]]);
  counters.write(metrics, "stratos_console");
  return metrics.toString();
}
