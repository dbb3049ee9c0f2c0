/**
 * Which sources are built anew when a package has changed, and in which order.
 *
 *     libgreet ◀── hello ◀── hello-tools        wave 1: hello    wave 2: hello-tools
 *        ▲                        │
 *        └────────────────────────┘
 *
 * One needs another when a binary package of that other is among its build dependencies, or among what those depend on
 * inside the channel. Sources that need each other in a circle share a wave, and are built against what is there.
 */
import { parseDependencies } from "@stratos/pkg";

export interface ChannelSource {
  readonly source: string;
  /** Of the source, without a binNMU's suffix. */
  readonly version: string;
  /** Names of binary packages that it builds on. */
  readonly depends: readonly string[];
  readonly binaries: readonly ChannelBinary[];
}

export interface ChannelBinary {
  readonly name: string;
  /** Names, as Depends and Pre-Depends have them. */
  readonly depends: readonly string[];
  readonly provides: readonly string[];
}

export interface PlannedSource<Source extends ChannelSource = ChannelSource> {
  readonly source: Source;
  /** The first wave is 1. */
  readonly wave: number;
  /** Which of the changed packages it builds on. */
  readonly because: readonly string[];
  /** Sources of earlier waves that it needs. */
  readonly after: readonly string[];
  /** Others that need it, and that it needs. */
  readonly circle: readonly string[];
}

interface PlanRequest {
  /** Binary packages that have changed; `src:NAME`: all of that source. */
  readonly changed: readonly string[];
  /** Also what builds on what is built anew, and so on. */
  readonly isRecursive: boolean;
  /** Sources that are built anew whatever they build on. */
  readonly sources: readonly string[];
}

/** @returns ordered by wave, then by name */
export function planRebuild<Source extends ChannelSource>(
  sources: readonly Source[],
  { changed, isRecursive, sources: asked }: PlanRequest,
): PlannedSource<Source>[] {
  const providers = providersOf(sources);
  const because = affected(sources, changed, isRecursive);
  const chosen = sources.filter(({ source }) => because.has(source) || asked.includes(source));
  const names = new Set(chosen.map(({ source }) => source));
  const needs = new Map(chosen.map((one) => [one.source, neededSources(one, providers, names)]));
  const { waves, circles } = layer(needs);
  return chosen
    .map((source) => ({
      source,
      wave: waves.get(source.source)!,
      because: because.get(source.source) ?? [],
      after: [...needs.get(source.source)!].filter((one) => waves.get(one)! < waves.get(source.source)!).sort(),
      circle: circles.get(source.source) ?? [],
    }))
    .sort((a, b) => a.wave - b.wave || (a.source.source < b.source.source ? -1 : 1));
}

/** First names of relations and their alternatives, without versions; broken fields have none. */
export function namesOf(field: string): string[] {
  try {
    return parseDependencies(field).flatMap((alternatives) => alternatives.map(({ name }) => name));
  } catch {
    return [];
  }
}

/** Binaries, and names that they provide, with whose they are. */
function providersOf(sources: readonly ChannelSource[]): Map<string, { source: string; binary: ChannelBinary }[]> {
  const found = new Map<string, { source: string; binary: ChannelBinary }[]>();
  for (const { source, binaries } of sources)
    for (const binary of binaries)
      for (const name of [binary.name, ...binary.provides]) {
        const list = found.get(name);
        if (list === undefined) found.set(name, [{ source, binary }]);
        else list.push({ source, binary });
      }
  return found;
}

/** Sources that build on what has changed, and on what of it. */
function affected(
  sources: readonly ChannelSource[],
  changed: readonly string[],
  isRecursive: boolean,
): Map<string, string[]> {
  const packagesOf = (source: ChannelSource): string[] =>
    source.binaries.flatMap(({ name, provides }) => [name, ...provides]);
  const known = new Set<string>();
  for (const name of changed) {
    known.add(name);
    for (const source of sources) {
      if (name === `src:${source.source}`) for (const one of packagesOf(source)) known.add(one);
      for (const binary of source.binaries) if (binary.name === name) for (const one of binary.provides) known.add(one);
    }
  }
  // Who made what has changed is not built anew for it.
  const own = new Set(
    sources
      .filter(({ source, binaries }) =>
        changed.some((name) => name === `src:${source}` || binaries.some((binary) => binary.name === name)),
      )
      .map(({ source }) => source),
  );
  const users = Map.groupBy(
    sources.flatMap((source) => source.depends.map((name) => ({ name, source }))),
    ({ name }) => name,
  );
  const found = new Set<ChannelSource>();
  // A set that grows while it is walked is walked to its end.
  for (const name of known)
    for (const { source } of users.get(name) ?? []) {
      if (own.has(source.source) || found.has(source)) continue;
      found.add(source);
      if (isRecursive) for (const one of packagesOf(source)) known.add(one);
    }
  return new Map([...found].map(({ source, depends }) => [source, depends.filter((name) => known.has(name))]));
}

/** Of `names`, those whose packages are in its root. */
function neededSources(
  { source, depends }: ChannelSource,
  providers: ReadonlyMap<string, readonly { source: string; binary: ChannelBinary }[]>,
  names: ReadonlySet<string>,
): Set<string> {
  const needed = new Set<string>();
  const seen = new Set(depends);
  // It grows while it is walked.
  for (const name of seen)
    for (const provider of providers.get(name) ?? []) {
      if (provider.source !== source && names.has(provider.source)) needed.add(provider.source);
      for (const further of provider.binary.depends) seen.add(further);
    }
  return needed;
}

/** The wave of each: one more than the latest of those that it needs. Circles are one. */
function layer(needs: ReadonlyMap<string, ReadonlySet<string>>): {
  waves: Map<string, number>;
  circles: Map<string, string[]>;
} {
  const waves = new Map<string, number>();
  const circles = new Map<string, string[]>();
  // Components come in an order in which each follows what it needs.
  for (const component of components(needs)) {
    const before = component.flatMap((name) => [...needs.get(name)!].map((one) => waves.get(one) ?? 0));
    const wave = 1 + before.reduce((most, one) => Math.max(most, one), 0);
    for (const name of component) {
      waves.set(name, wave);
      if (component.length > 1) circles.set(name, component.filter((one) => one !== name).sort());
    }
  }
  return { waves, circles };
}

/** Strongly connected components (Tarjan 1972), without recursion: a chain may be as long as a channel is large. */
function components(needs: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const found: string[][] = [];
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const open: string[] = [];
  const isOpen = new Set<string>();
  for (const root of needs.keys()) {
    if (index.has(root)) continue;
    const path: { name: string; rest: Iterator<string> }[] = [];
    const enter = (name: string): void => {
      index.set(name, index.size);
      low.set(name, index.get(name)!);
      open.push(name);
      isOpen.add(name);
      path.push({ name, rest: needs.get(name)![Symbol.iterator]() });
    };
    enter(root);
    while (path.length > 0) {
      const { name, rest } = path.at(-1)!;
      const next = rest.next();
      if (next.done !== true) {
        if (!index.has(next.value)) enter(next.value);
        else if (isOpen.has(next.value)) low.set(name, Math.min(low.get(name)!, index.get(next.value)!));
        continue;
      }
      path.pop();
      const parent = path.at(-1)?.name;
      if (parent !== undefined) low.set(parent, Math.min(low.get(parent)!, low.get(name)!));
      if (low.get(name) !== index.get(name)) continue;
      const component = open.splice(open.indexOf(name));
      for (const one of component) isOpen.delete(one);
      found.push(component);
    }
  }
  return found;
}
