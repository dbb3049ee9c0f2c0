/** Answers for debconf are for packages of the image: told as soon as these are known. */
import type { DebconfAnswer } from "../treefile/schema-content.ts";
import type { ImageTarget, Treefile } from "../treefile/treefile.ts";
import { allPackages, type LockedImage } from "./lock.ts";

/** @throws TreefileError  an answer to a question of a package that the image does not have */
export function checkAnswers(treefile: Treefile, target: ImageTarget, locked: LockedImage): void {
  const names = new Set(allPackages(locked).map(({ name }) => name));
  for (const [question, answer] of Object.entries(target.config.debconf ?? {})) {
    const name = askingPackage(question, answer);
    if (!names.has(name))
      throw treefile.problem(
        target,
        ["debconf", question],
        `the image has no package ${name} that would ask; \`package: NAME\` says who does`,
      );
  }
}

/** The package that asks a question. */
export function askingPackage(question: string, { package: name }: Pick<DebconfAnswer, "package">): string {
  return name ?? question.slice(0, question.indexOf("/"));
}
