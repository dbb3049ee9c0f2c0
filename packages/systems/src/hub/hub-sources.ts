/** Composes with a hub: it builds a treefile's `sources`, and the images take packages from a channel of it. */
import { dirname, resolve } from "node:path";
import { printable } from "@stratos/base";
import type { Archive, ImageConfig, ImageTarget, Treefile } from "@stratos/compose";
import { buildSources, hubFailure, SourceError, type WantedSource } from "@stratos/hub/client";
import { selectTargets } from "@stratos/systems/compose";
import { listenForStop } from "../stop-signals.ts";
import { CommandError } from "../command-error.ts";
import { openHub, type HubOptions } from "./hub-client.ts";
import { readSourcePackage } from "./source-package.ts";

export interface ComposeHubOptions extends HubOptions {
  readonly channel?: string;
}

interface HubUse extends ComposeHubOptions {
  /** Nothing is built. */
  readonly isLook: boolean;
  /** Sources without a version are built, though the channel has some. */
  readonly update?: true;
  /** Which of the treefile's images. */
  readonly variant?: readonly string[];
  readonly arch?: readonly string[];
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
 * @throws TreefileError at the source that cannot be had; CommandError
 */
export async function withHubPackages(
  file: string,
  { treefile, targets }: Omit<Composed, "keyrings">,
  options: HubUse,
): Promise<Composed> {
  const wanted = targets.flatMap((target) =>
    (target.config.sources ?? []).map((item) => ({ target, source: wantedSource(file, item, target) })),
  );
  if (wanted.length === 0 && options.hub === undefined && options.channel === undefined)
    return { treefile, targets, keyrings: [] };
  const client = openHub(options);
  const stop = listenForStop();
  try {
    const { packages, repositories } = await buildSources(
      client,
      wanted.map(({ source }) => source),
      {
        channel: options.channel ?? CHANNEL,
        mode: options.isLook ? "look" : options.update === true ? "anew" : "build",
        signal: stop.signal,
        tell: (message) => void process.stderr.write(`hub: ${printable(message)}\n`),
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
      targets: await selectTargets(layered, options),
      keyrings: [Buffer.from(repositories.key)],
    };
  } catch (error) {
    if (stop.status !== undefined)
      throw new CommandError(client.url, "stopped; tasks of the hub go on", { status: stop.status, cause: error });
    if (!(error instanceof SourceError)) throw hubFailure(error, client.url);
    const { target } = wanted.find(({ source }) => source.item === error.source.item)!;
    throw treefile.listProblem(target, ["sources"], error.source.item, `hub ${client.url}: ${error.message}`);
  } finally {
    stop.close();
  }
}

type Repository = NonNullable<ImageConfig["repositories"]>[string];

function wantedSource(file: string, item: string, { architecture, config }: ImageTarget): WantedSource {
  const common = { item, arch: architecture, suite: config.suite ?? "trixie" };
  if (item.endsWith(".dsc")) return { ...common, ...readSourcePackage(resolve(dirname(file), item)) };
  const [name, version] = item.split("=");
  return { ...common, name: name!, version };
}
