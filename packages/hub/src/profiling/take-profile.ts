/** One look at this process, by V8's inspector: where its time goes, and what is on its heap. */
import { Session } from "node:inspector/promises";
import { getHeapSpaceStatistics, getHeapStatistics } from "node:v8";
import type { HeapSummary } from "@stratos/hub-api";
import type { CallFrame, CpuProfile } from "./cpu-profile.ts";
import { nameOf, profileTimes, whereOf } from "./hot-functions.ts";
import { SourceNames } from "./source-names.ts";

/** Twice as seldom as V8's own, which costs half. */
const SAMPLE_US = 2_000;
/** A function is seen once it has made about so much. */
const HEAP_SAMPLE_BYTES = 64 << 10;
const ALLOCATED_MAX = 20;

interface TakenProfile {
  readonly profile: CpuProfile;
  readonly heap: HeapSummary;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly loopBusy: number;
}

interface HeapNode {
  readonly callFrame: CallFrame;
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
}

/** @returns null: `signal` ended it before its time */
export async function takeProfile(seconds: number, signal: AbortSignal): Promise<TakenProfile | null> {
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.setSamplingInterval", { interval: SAMPLE_US });
    await session.post("HeapProfiler.startSampling", { samplingInterval: HEAP_SAMPLE_BYTES });
    await session.post("Profiler.start");
    const startedMs = performance.now();
    const cpu = process.cpuUsage();
    await pause(seconds * 1_000, signal);
    const { user, system } = process.cpuUsage(cpu);
    const lookedMs = performance.now() - startedMs;
    // Before what the profile itself takes.
    const allocations = await session.post("HeapProfiler.stopSampling");
    const { profile } = await session.post("Profiler.stop");
    if (signal.aborted) return null;
    const names = new SourceNames();
    const named = {
      ...profile,
      nodes: profile.nodes.map((node) => ({ ...node, callFrame: names.frame(node.callFrame) })),
    } as CpuProfile;
    // By the samples: the profiler's signals make Node count as busy what the loop waits (eventLoopUtilization).
    const { spanMs, busyMs } = profileTimes(named);
    return {
      profile: named,
      heap: heapSummary(allocations.profile.head as HeapNode, names),
      seconds: rounded(lookedMs / 1_000),
      cpuSeconds: rounded((user + system) / 1e6),
      loopBusy: rounded(spanMs > 0 ? busyMs / spanMs : 0),
    };
  } finally {
    session.disconnect();
  }
}

const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

function heapSummary(head: HeapNode, names: SourceNames): HeapSummary {
  const { rss, external, arrayBuffers } = process.memoryUsage();
  const all = getHeapStatistics();
  return {
    rss,
    used: all.used_heap_size,
    total: all.total_heap_size,
    limit: all.heap_size_limit,
    external,
    arrayBuffers,
    contexts: all.number_of_native_contexts,
    detachedContexts: all.number_of_detached_contexts,
    spaces: getHeapSpaceStatistics()
      .filter(({ space_size }) => space_size > 0)
      .map(({ space_name, space_used_size, space_size }) => ({
        name: space_name,
        used: space_used_size,
        size: space_size,
      })),
    allocated: allocatedBy(head, names),
  };
}

function allocatedBy(head: HeapNode, names: SourceNames): HeapSummary["allocated"] {
  const bytes = new Map<string, { function: string; where: string; bytes: number }>();
  const left: HeapNode[] = [head];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    left.push(...node.children);
    if (node.selfSize === 0) continue;
    const frame = names.frame(node.callFrame);
    const key = `${nameOf(frame)}\0${whereOf(frame)}`;
    const entry = bytes.get(key) ?? { function: nameOf(frame), where: whereOf(frame), bytes: 0 };
    entry.bytes += node.selfSize;
    bytes.set(key, entry);
  }
  return [...bytes.values()].toSorted((a, b) => b.bytes - a.bytes).slice(0, ALLOCATED_MAX);
}
