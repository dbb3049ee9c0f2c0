import { buildNeeds, fetchSource, planBuildRoot, surroundingsOf, type PackageReason } from "@stratos/builder";
import { telling, settingsOf, parseSourceReference } from "@stratos/systems/builder";
import { CommandError } from "../command-error.ts";
import { EXIT_SUCCESS } from "../exit-status.ts";
import { builderAtTerminal, type BuilderOptions } from "./builder-terminal.ts";

/** What brings packages into a source's root. */
export async function explainRoot(source: string, name: string | undefined, options: BuilderOptions): Promise<number> {
  const settings = settingsOf(options),
    request = { source: parseSourceReference(source), ...settings.request };
  const session = builderAtTerminal({ mirror: settings.mirror, keyrings: settings.keyrings });
  try {
    return await telling(source, async () => {
      const fetched = await fetchSource(session.ports, request, session.show);
      const needs = buildNeeds(fetched.stanza, surroundingsOf(request));
      const plan = await planBuildRoot(session.ports, request, needs, session.show);
      await fetched.remove();
      session.display.clear();
      const byName = new Map(plan.reasons.map((one) => [one.name, one]));
      if (name !== undefined && !byName.has(name)) {
        const inBase = plan.root.packages.some((one) => one.name === name);
        throw new CommandError(
          name,
          inBase ? "is part of the base, which every build has" : `is not in the root of ${source}`,
        );
      }
      const shown = name === undefined ? plan.reasons : chainTo(byName, name);
      if (options.json === true) process.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
      else
        for (const [index, one] of shown.entries())
          process.stdout.write(
            `${name === undefined ? "" : "  ".repeat(index)}${one.name} ${one.version}: ` +
              (one.neededBy === undefined
                ? `${source} (${one.because || "Build-Depends"})`
                : `${one.neededBy} (${one.because})`) +
              "\n",
          );
      return EXIT_SUCCESS;
    });
  } finally {
    await session.close();
  }
}

/** From what the source asks for down to the package. */
function chainTo(byName: ReadonlyMap<string, PackageReason>, name: string): PackageReason[] {
  const chain: PackageReason[] = [];
  for (
    let one = byName.get(name);
    one !== undefined && !chain.includes(one);
    one = one.neededBy === undefined ? undefined : byName.get(one.neededBy)
  )
    chain.unshift(one);
  return chain;
}
