/**
 * How apt mends what its walk has broken (apt-pkg/algorithms.cc, `pkgProblemResolver`): packages weigh what depends on
 * them; from the heaviest on, what is broken and what stands in its way are kept back, upgraded or removed, the lighter
 * one first. It ends after some rounds, mended or not.
 */
import { acceptsProvided, acceptsVersion, type Alternative, type Dependency } from "../dependency.ts";
import { INSTALLED_ORIGIN } from "../installed-state.ts";
import type { BinaryPackage } from "../package-index.ts";
import { HARD, NEGATIVE, POSITIVE, type Mark, type Marks } from "./marks.ts";
import { priorityRank } from "./candidates.ts";

/**
 * How packages of one weight follow one another. apt has them as its hash table and an unstable sort leave them, which
 * nobody outside can tell; each order gives a sound answer, and now and then one gives a smaller one.
 */
export type Ties = "found" | "reversed" | "named";
export const TIES: readonly Ties[] = ["found", "reversed", "named"];

interface Marking {
  ties: Ties;
  /** what the request names, to come or to go */
  asked: ReadonlySet<Mark>;
  /** @param isWhole  with all that it needs */
  install(mark: Mark, isWhole: boolean): boolean;
  keep(mark: Mark): boolean;
  remove(mark: Mark): boolean;
}

/** Mends `marks` as far as apt would. */
export function repair(marks: Marks, marking: Marking): void {
  new Repair(marks, marking).run();
}

/** `pkgProblemResolver::MaxCounter` */
const ROUNDS_MAX = 20;
/** How many packages one upgrade may draw after it, each for the one before: no archive exhausts the stack. */
const DEPTH_MAX = 400;
/**
 * `pkgProblemResolver::Scores`, apt.conf(5): of priorities from required to extra; then of what is asked for, is
 * essential, is offered still
 */
const PRIORITY_SCORES = [3, 2, 1, -1, -2] as const;
const ASKED_SCORE = 10_000,
  ESSENTIAL_SCORE = 5_000,
  ESSENTIAL_BASE_SCORE = 100,
  OFFERED_SCORE = 1;

function isVital(mark: Mark): boolean {
  return (
    mark.isEssential ||
    [mark.install, mark.candidate].some((one) => one?.isEssential === true || one?.isProtected === true)
  );
}

function append<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [value]);
  else known.push(value);
}

function inOrder(marks: Mark[], ties: Ties): Mark[] {
  return ties === "found"
    ? marks
    : ties === "reversed"
      ? marks.toReversed()
      : marks.toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

function isComing(mark: Mark): boolean {
  return mark.mode === "install";
}

/** A relation of one package: alternatives of which one must be there, or one thing that must not. */
interface Relation {
  dependency: Dependency;
  isNegative: boolean;
  isBreaks: boolean;
}

class Repair {
  readonly #marks: Marks;
  readonly #marking: Marking;
  #scores = new Map<Mark, number>();
  readonly #wasComing = new Set<Mark>();
  /** those that `#upgrade` has tried */
  readonly #tried = new Set<Mark>();
  #hasChanged = false;

  constructor(marks: Marks, marking: Marking) {
    this.#marks = marks;
    this.#marking = marking;
  }

  run(): void {
    for (let isAgain = true; isAgain;) {
      isAgain = false;
      for (const mark of this.#marks.all()) {
        if (isComing(mark)) this.#wasComing.add(mark);
        else if (this.#marks.isBroken(mark)) {
          this.#marking.install(mark, false);
          if (isComing(mark)) isAgain = true;
        }
      }
    }
    this.#scores = this.#weigh();
    // The order stays what it is now, whatever becomes of the scores; what nothing had to do with yet weighs nothing.
    const order = new Map(this.#scores);
    const rankOf = (mark: Mark): number => order.get(mark) ?? 0;
    const ordered = inOrder([...order.keys()], this.#marking.ties).sort((left, right) => rankOf(right) - rankOf(left));
    const heavy = ordered.filter((mark) => rankOf(mark) > 0),
      light = ordered.filter((mark) => rankOf(mark) < 0);
    this.#hasChanged = true;
    for (let round = 0; round < ROUNDS_MAX && this.#hasChanged; round++) {
      this.#hasChanged = false;
      for (const mark of heavy) this.#visit(mark, round);
      const seen = new Set<Mark>();
      for (
        let found: Mark[] = [];
        (found = this.#marks.all().filter((mark) => rankOf(mark) === 0 && !seen.has(mark))).length > 0;
      ) {
        for (const mark of inOrder(found, this.#marking.ties)) {
          seen.add(mark);
          this.#visit(mark, round);
        }
      }
      for (const mark of light) this.#visit(mark, round);
    }
  }

  #visit(mark: Mark, round: number): void {
    this.#reinstate(mark);
    if (this.#marks.isBroken(mark)) this.#mend(mark, round);
  }

  #scoreOf(mark: Mark): number {
    return this.#scores.get(mark) ?? 0;
  }

  /** What everything is worth: by its priority, by what needs it, and by what that is worth in turn. */
  #weigh(): Map<Mark, number> {
    const present = this.#marks.all().filter((mark) => mark.install !== undefined);
    const scores = new Map<Mark, number>(present.map((mark) => [mark, 0]));
    const add = (mark: Mark, score: number): void => void scores.set(mark, (scores.get(mark) ?? 0) + score);
    const dependents = new Map<Mark, Mark[]>();
    for (const mark of present) {
      const one = mark.install!;
      if (isVital(mark)) add(mark, ESSENTIAL_BASE_SCORE);
      add(mark, PRIORITY_SCORES[one.origin === INSTALLED_ORIGIN ? 4 : Math.max(0, priorityRank(one))] ?? -2);
      if (mark.current !== undefined && mark.candidate !== undefined && mark.candidate.origin !== INSTALLED_ORIGIN)
        add(mark, OFFERED_SCORE);
      for (const field of [...POSITIVE, ...NEGATIVE]) {
        const isNegative = field === "Conflicts" || field === "Breaks",
          score = isNegative ? -1 : 1;
        for (const dependency of one.relations(field)) {
          for (const alternative of dependency) {
            const target = this.#marks.of(alternative.name);
            // To apt, `name:any` is a package of its own, which all that allow it provide.
            const isAny = alternative.qualifier === "any";
            if (!isNegative && !isAny) append(dependents, target, mark);
            if (
              alternative.relation !== undefined &&
              (isAny || target.install === undefined || !acceptsVersion(alternative, target.install.version))
            )
              continue;
            if (!isAny && !(isNegative && target === mark)) add(target, score);
            const providers = new Set(
              this.#marks.index
                .providers(alternative.name)
                .filter(
                  ({ package: other, provided }) =>
                    acceptsProvided(alternative, provided) && !(isNegative && other.name === one.name),
                )
                .map(({ package: other }) => other),
            );
            if (isAny && target.install !== undefined) providers.add(target.install);
            for (const other of providers)
              if (this.#marks.of(other.name).install === other) add(this.#marks.of(other.name), score);
          }
        }
      }
    }
    const before = new Map(scores);
    for (const mark of present)
      for (const dependent of dependents.get(mark) ?? []) add(mark, Math.max(0, before.get(dependent) ?? 0));
    for (const mark of present) {
      const gained = Math.abs((scores.get(mark) ?? 0) - (before.get(mark) ?? 0));
      if (gained === 0) continue;
      for (const other of new Set(this.#marks.index.providers(mark.name).map(({ package: one }) => one)))
        if (this.#marks.of(other.name).install === other) add(this.#marks.of(other.name), gained);
    }
    for (const mark of this.#marking.asked) add(mark, ASKED_SCORE);
    for (const mark of scores.keys()) if (isVital(mark)) add(mark, ESSENTIAL_SCORE);
    return scores;
  }

  /** What was to become newer and was kept back is tried again, once. */
  #reinstate(mark: Mark): void {
    if (
      mark.candidate === mark.install ||
      mark.current === undefined ||
      mark.install === undefined ||
      mark.isProtected ||
      !this.#wasComing.delete(mark)
    )
      return;
    const before = this.#brokenCount();
    this.#marking.install(mark, false);
    if (this.#marks.isBroken(mark) || this.#brokenCount() > before) this.#marking.keep(mark);
  }

  #brokenCount(): number {
    return this.#marks.all().filter((mark) => this.#marks.isBroken(mark)).length;
  }

  #relationsOf(one: BinaryPackage): Relation[] {
    return [
      ...HARD.flatMap((field) =>
        one.relations(field).map((dependency) => ({ dependency, isNegative: false, isBreaks: false })),
      ),
      ...NEGATIVE.flatMap((field) =>
        one.relations(field).map((dependency) => ({ dependency, isNegative: true, isBreaks: field === "Breaks" })),
      ),
    ];
  }

  #holds(
    { dependency, isNegative }: Relation,
    owner: BinaryPackage,
    which: "install" | "current" | "candidate",
  ): boolean {
    if (isNegative) return this.#marks.hits(dependency[0]!, owner, which).length === 0;
    return dependency.some((alternative) => this.#marks.fulfils(alternative, owner, which));
  }

  #mend(mark: Mark, round: number): void {
    const owner = mark.install!;
    const toGo: { mark: Mark; relation: Relation }[] = [];
    for (const relation of this.#relationsOf(owner)) {
      if (this.#holds(relation, owner, "install")) continue;
      const { dependency, isNegative } = relation;
      const hasOthers = dependency.length > 1,
        before = toGo.length;
      let fallback: "remove" | "keep" = "remove",
        isDone = false,
        isFulfilled = false;
      for (const alternative of dependency) {
        if (this.#holds(relation, owner, "install")) {
          isFulfilled = true;
          break;
        }
        const targets = isNegative
          ? this.#marks.hits(alternative, owner, "install").map((hit) => hit.install!)
          : this.#marks.targets(alternative, owner);
        if (targets.length === 0 && !mark.isProtected && !isNegative) {
          if (hasOthers) continue;
          this.#hasChanged = true;
          this.#marking.keep(mark);
          if (this.#marks.isBroken(mark)) this.#marking.remove(mark);
          isDone = true;
          break;
        }
        for (const target of targets) {
          const other = this.#marks.of(target.name);
          if (
            this.#scoreOf(mark) <= this.#scoreOf(other) ||
            (!isNegative && !this.#marks.fulfils(alternative, owner, "current"))
          ) {
            if (mark.isProtected) {
              if (!this.#upgrade(other)) continue;
              this.#scores.set(other, Math.min(this.#scoreOf(other), this.#scoreOf(mark)));
              break;
            }
            const wasComing = isComing(mark);
            this.#marking.keep(mark);
            if (!this.#marks.isBroken(mark)) {
              fallback = "keep";
              if (hasOthers && wasComing) this.#marking.install(mark, false);
            } else if (!this.#upgrade(mark)) this.#giveUp(mark, { other, alternative, hasOthers, round });
            this.#hasChanged = isDone = true;
            break;
          }
          if (relation.isBreaks && this.#holds(relation, owner, "candidate")) {
            this.#marking.install(other, false);
            continue;
          }
          if (other.isProtected && other.mode !== "delete") continue;
          toGo.push({ mark: other, relation });
          if (!isNegative) break;
        }
        if (!hasOthers && isDone) break;
      }
      if (
        hasOthers &&
        !isFulfilled &&
        toGo.length === before &&
        mark.install !== undefined &&
        !this.#holds(relation, owner, "install")
      ) {
        if (fallback === "keep") {
          this.#marking.keep(mark);
          this.#hasChanged = true;
        } else if (!mark.isProtected) {
          this.#marking.remove(mark);
          this.#hasChanged = true;
        }
      }
      if (!hasOthers && isDone) break;
    }
    if (mark.install !== undefined) for (const one of toGo) this.#letGo(mark, one, owner, round);
  }

  /** Neither keeping back nor upgrading mends it. */
  #giveUp(mark: Mark, how: { other: Mark; alternative: Alternative; hasOthers: boolean; round: number }): void {
    const target = this.#marks.of(how.alternative.name);
    if (!how.hasOthers) {
      this.#marking.remove(mark);
      if (how.round > 1) this.#scores.set(mark, Math.max(this.#scoreOf(mark), this.#scoreOf(how.other)));
    } else if (
      target.current === undefined &&
      target.mode !== "delete" &&
      !target.isHeld &&
      target.candidate !== undefined
    ) {
      const before = this.#brokenCount();
      this.#marking.install(target, true);
      if (this.#marks.isBroken(target) || this.#brokenCount() > before) this.#marking.remove(target);
    }
  }

  #letGo(
    mark: Mark,
    { mark: other, relation }: { mark: Mark; relation: Relation },
    owner: BinaryPackage,
    round: number,
  ): void {
    const isGone = this.#holds(relation, owner, "current")
      ? this.#marking.keep(other)
      : relation.isNegative && this.#marking.remove(other);
    if (isGone) this.#hasChanged = true;
    if ((!isGone || round > 1) && this.#scoreOf(mark) > this.#scoreOf(other)) {
      this.#scores.set(other, this.#scoreOf(mark));
      this.#hasChanged = true;
    }
  }

  /**
   * Takes a package's candidate, and those of what that needs and is not there; takes it back where something is
   * missing.
   */
  #upgrade(mark: Mark, depth = 0): boolean {
    if (
      depth > DEPTH_MAX ||
      this.#tried.has(mark) ||
      mark.candidate === undefined ||
      mark.candidate === mark.current ||
      this.#marking.asked.has(mark)
    )
      return false;
    this.#tried.add(mark);
    const wasKept = mark.mode === "keep";
    if (!this.#marking.install(mark, false) || mark.install === undefined) return false;
    const owner = mark.install;
    const isMissing = this.#relationsOf(owner).some((relation) => {
      let hasFailed = false;
      for (const alternative of relation.dependency) {
        if (this.#holds(relation, owner, "install")) break;
        const target =
          this.#marks.index.versions(alternative.name).length > 0
            ? alternative.name
            : (this.#marks.index.providers(alternative.name).findLast(({ package: one }) => one.name !== owner.name)
                ?.package.name ?? alternative.name);
        const other = this.#marks.of(target);
        if (other.isProtected) hasFailed = true;
        else if (
          relation.isNegative
            ? this.#holds(relation, owner, "candidate")
            : this.#marks.fulfils(alternative, owner, "candidate")
        ) {
          hasFailed = !this.#upgrade(other, depth + 1);
          if (!hasFailed) break;
        } else if (relation.isNegative) break;
        else hasFailed = true;
      }
      return hasFailed;
    });
    if (!isMissing) return true;
    if (wasKept) this.#marking.keep(mark);
    else this.#marking.remove(mark);
    return false;
  }
}
