/** Composes with a hub: it builds a treefile's `sources`, and the images take packages from a channel of it. */
import { dirname, resolve } from "node:path";
import type { Archive, ImageConfig, ImageTarget, Treefile } from "@stratos/compose";
import { buildSources, hubFailure, SourceError, type WantedSource } from "@stratos/hub/client";
import type { HubClient } from "@stratos/hub-api";
import { OperationError } from "@stratos/operation";
import { selectTargets } from "../compose/open-treefile.ts";
import { readSourcePackage } from "./source-package.ts";

interface HubUse {
  readonly channel?: string;
  /** The channel's packages are wanted, also when the treefile names no sources. */
  readonly isAsked: boolean;
  /** Nothing is built. */
  readonly isLook: boolean;
  /** Sources without a version are built, though the channel has some. */
  readonly update?: true;
  /** Which of the treefile's images. */
  readonly variant?: readonly string[];
  readonly arch?: readonly string[];
  /** Once it is needed. */
  openHub(): HubClient;
  readonly signal: AbortSignal;
  /** Sentences on what goes on. */
  tell(message: string): void;
}

interface Composed {
  readonly treefile: Treefile;
  readonly targets: readonly ImageTarget[];
  /** Whom the hub's repositories are signed by. */
  readonly keyrings: Archive["keyrings"];
}

/** What was built beats what an archive has of the same name: apt_preferences(5), without downgrades. */
const PRIORITY = 990;
const CHANNEL = "default";

/**
 * The treefile with the channel's repositories, when it names sources or a hub is asked for.
 *
 * @throws TreefileError at the source that cannot be had; OperationError
 */
export async function withHubPackages(
  file: string,
  { treefile, targets }: Omit<Composed, "keyrings">,
  use: HubUse,
): Promise<Composed> {
  const wanted = targets.flatMap((target) =>
    (target.config.sources ?? []).map((item) => ({ target, source: wantedSource(file, item, target) })),
  );
  if (wanted.length === 0 && !use.isAsked) return { treefile, targets, keyrings: [] };
  const client = use.openHub();
  try {
    const { packages, repositories } = await buildSources(
      client,
      wanted.map(({ source }) => source),
      {
        channel: use.channel ?? CHANNEL,
        mode: use.isLook ? "look" : use.update === true ? "anew" : "build",
        signal: use.signal,
        tell: use.tell,
      },
    );
    const places = repositories.items.map(({ path, suite, components }): [string, Repository] => {
      const built = packages.filter(({ channel }) => channel === suite);
      const builds = built.map(({ name, version, arch, digest }) => [`${name}_${version}_${arch}`, digest]);
      const place = { uri: `${client.url}${path}`, suite, components, priority: PRIORITY };
      return [`hub-${suite}`, built.length === 0 ? place : { ...place, builds: Object.fromEntries(builds.sort()) }];
    });
    const layered = treefile.withRepositories(Object.fromEntries(places), client.url);
    return {
      treefile: layered,
      targets: await selectTargets(layered, use),
      keyrings: [Buffer.from(repositories.key)],
    };
  } catch (error) {
    if (use.signal.aborted)
      throw new OperationError("hub", client.url, "stopped; tasks of the hub go on", { cause: error });
    if (!(error instanceof SourceError)) throw hubFailure(error, client.url);
    const { target } = wanted.find(({ source }) => source.item === error.source.item)!;
    throw treefile.listProblem(target, ["sources"], error.source.item, `hub ${client.url}: ${error.message}`);
  }
}

type Repository = NonNullable<ImageConfig["repositories"]>[string];

function wantedSource(file: string, item: string, { architecture, config }: ImageTarget): WantedSource {
  const common = { item, arch: architecture, suite: config.suite ?? "trixie" };
  if (item.endsWith(".dsc")) return { ...common, ...readSourcePackage(resolve(dirname(file), item)) };
  const [name, version] = item.split("=");
  return { ...common, name: name!, version };
}
